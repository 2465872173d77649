package io.exeat.revoke;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.Base64URL;
import io.exeat.identity.Chains;
import io.exeat.identity.Svids;
import io.spiffe.spiffeid.SpiffeId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Checks a receipt without asking anybody: signed with an X.509-SVID, of a broker that is expected,
 * whose chain verified by the trust bundle when it was signed.
 *
 * <p>Whoever stole an SVID's key could state an earlier time, within that SVID's life: what pins
 * the time of a receipt is the audit chain that it stands in.
 */
public final class ReceiptVerifier {
  static final JOSEObjectType TYPE = new JOSEObjectType("exeat-receipt+jws");

  /** How far a signer's clock may be ahead. */
  private static final Duration AHEAD = Duration.ofSeconds(60);

  private static final int MOST = 256 * 1024;
  private static final Set<String> HEADER = Set.of("alg", "typ", "x5c");

  private final Collection<X509Certificate> bundle;
  private final Set<SpiffeId> brokers;

  /**
   * @param bundle the authorities of the brokers' trust domain
   * @param brokers whose receipts are believed, by exact SPIFFE ID
   */
  public ReceiptVerifier(Collection<X509Certificate> bundle, Set<SpiffeId> brokers) {
    this.bundle = List.copyOf(bundle);
    this.brokers = Set.copyOf(brokers);
  }

  /** What came of it. */
  public sealed interface Result {}

  /** It is as {@code broker} signed it. */
  public record Genuine(SpiffeId broker, Instant signedAt, Receipt receipt) implements Result {
    /** What was signed: one JSON object in one line. */
    public String json() {
      return new String(
          ReceiptText.write(new ReceiptText.Said(broker, signedAt, receipt)),
          StandardCharsets.UTF_8);
    }
  }

  /**
   * It is not to be believed.
   *
   * @param why printable ASCII, whatever of what was read is repeated in it
   */
  public record Refused(String why) implements Result {
    private static final int MOST_WORDS = 400;

    public Refused {
      why = why.substring(0, Math.min(why.length(), MOST_WORDS)).replaceAll("[^ -~]", "?");
    }
  }

  /**
   * Checks one.
   *
   * @param now what is signed later is refused
   */
  public Result verify(String jws, Instant now) {
    try {
      return check(jws, now);
    } catch (ParseException e) {
      return new Refused("it is no JWS in compact form: " + e.getMessage());
    } catch (IOException | CertificateException | JOSEException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
  }

  private Result check(String text, Instant now)
      throws ParseException, IOException, CertificateException, JOSEException {
    if (text.length() > MOST) {
      return new Refused("it is longer than " + MOST + " bytes");
    }
    for (String part : text.split("\\.", -1)) {
      // One text for one content: bits that no decoder looks at are none.
      if (!Base64URL.encode(new Base64URL(part).decode()).toString().equals(part)) {
        return new Refused("it is not in base64url as it was written");
      }
    }
    JWSObject jws = JWSObject.parse(text);
    List<X509Certificate> chain = chain(jws.getHeader());
    PublicKey key = chain.getFirst().getPublicKey();
    JWSAlgorithm algorithm = algorithm(key);
    if (algorithm == null || !algorithm.equals(jws.getHeader().getAlgorithm())) {
      return new Refused("its algorithm is not that of the certificate's key");
    }
    if (!jws.verify(verifier(key))) {
      return new Refused("the signature does not fit: it was altered, or signed by another key");
    }
    ReceiptText.Said said = ReceiptText.read(jws.getPayload().toBytes());
    SpiffeId signer = Chains.verify(chain, bundle, said.at());
    if (!signer.equals(said.by())) {
      return new Refused("it is said by " + said.by() + " and signed by " + signer);
    }
    if (!brokers.contains(signer)) {
      return new Refused(signer + " is not a broker whose receipts are expected");
    }
    if (signer.equals(said.receipt().agent())) {
      return new Refused("an agent signs no receipt of its own");
    }
    if (said.at().isAfter(now.plus(AHEAD))) {
      return new Refused("it is signed at " + said.at() + ", which is yet to come");
    }
    return new Genuine(signer, said.at(), said.receipt());
  }

  private static List<X509Certificate> chain(JWSHeader header)
      throws CertificateException, IOException {
    if (!header.getIncludedParams().equals(HEADER) || !TYPE.equals(header.getType())) {
      throw new IOException("its header is not that of a receipt");
    }
    ByteArrayOutputStream der = new ByteArrayOutputStream();
    for (Base64 certificate : header.getX509CertChain()) {
      der.writeBytes(certificate.decode());
    }
    List<X509Certificate> chain = Svids.certificates(der.toByteArray());
    if (chain.isEmpty()) {
      throw new IOException("it carries no certificate");
    }
    return chain;
  }

  /** The one algorithm that a key signs receipts with; null for none. */
  static @Nullable JWSAlgorithm algorithm(PublicKey key) {
    return switch (key) {
      case ECPublicKey ec ->
          switch (ec.getParams().getCurve().getField().getFieldSize()) {
            case 256 -> JWSAlgorithm.ES256;
            case 384 -> JWSAlgorithm.ES384;
            case 521 -> JWSAlgorithm.ES512;
            default -> null;
          };
      case RSAPublicKey _ -> JWSAlgorithm.PS256;
      default -> null;
    };
  }

  private static JWSVerifier verifier(PublicKey key) throws JOSEException {
    return key instanceof ECPublicKey ec
        ? new ECDSAVerifier(ec)
        : new RSASSAVerifier((RSAPublicKey) key);
  }
}
