package io.exeat.credential;

import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** An issuer of certificates and its revocation list, for {@link InMemoryBackend}. */
public final class InMemoryIssuer implements RevocationLists {
  private final X500Name name;
  private final KeyPair keys = keys();
  private final X509Certificate certificate;
  private final Map<BigInteger, Integer> revoked = new ConcurrentHashMap<>();
  private int serial;

  public InMemoryIssuer(String name) {
    this.name = new X500Name("CN=" + name);
    Instant now = Instant.now();
    this.certificate =
        sign(keys, this.name, now, now.plus(Duration.ofDays(1)), BigInteger.ONE, List.of());
  }

  /** A key with its certificate and ours, in PEM. */
  record Made(String serial, String pem, Instant expiresAt) {}

  synchronized Made issue(Grant.Kind.Certificate kind, Instant from, Instant until) {
    KeyPair pair = keys();
    BigInteger number = BigInteger.valueOf(0x2c0000L + ++serial);
    List<GeneralName> names =
        Stream.concat(
                kind.names().stream().map(it -> new GeneralName(GeneralName.dNSName, it)),
                kind.uris().stream()
                    .map(it -> new GeneralName(GeneralName.uniformResourceIdentifier, it)))
            .toList();
    Instant end = until.truncatedTo(ChronoUnit.SECONDS);
    X509Certificate leaf = sign(pair, new X500Name(""), from, end, number, names);
    try {
      return new Made(
          HexFormat.ofDelimiter(":").formatHex(number.toByteArray()),
          pem("PRIVATE KEY", pair.getPrivate().getEncoded())
              + pem("CERTIFICATE", leaf.getEncoded())
              + pem("CERTIFICATE", certificate.getEncoded()),
          end);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  void revoke(String number) {
    revoked.put(new BigInteger(number.replace(":", ""), 16), CRLReason.unspecified);
  }

  /** Puts a certificate on the list in another way. */
  public void list(BigInteger number, int reason) {
    revoked.put(number, reason);
  }

  public X509Certificate certificate() {
    return certificate;
  }

  /** The list, in DER, as it would be made at {@code from}. */
  public byte[] list(Instant from, Instant next) {
    X509v2CRLBuilder list = new X509v2CRLBuilder(name, Date.from(from));
    list.setNextUpdate(Date.from(next));
    revoked.forEach((number, reason) -> list.addCRLEntry(number, Date.from(from), reason));
    try {
      return list.build(signer(keys)).getEncoded();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Published published(Target.Pki target) {
    Instant now = Instant.now();
    return new Published(certificate, pem("X509 CRL", list(now, now.plus(Duration.ofHours(1)))));
  }

  private X509Certificate sign(
      KeyPair pair,
      X500Name subject,
      Instant from,
      Instant until,
      BigInteger number,
      List<GeneralName> names) {
    JcaX509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name, number, Date.from(from), Date.from(until), subject, pair.getPublic());
    try {
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(names.isEmpty()));
      if (!names.isEmpty()) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            true,
            new GeneralNames(names.toArray(GeneralName[]::new)));
      }
      return new JcaX509CertificateConverter().getCertificate(builder.build(signer(keys)));
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ContentSigner signer(KeyPair keys) {
    try {
      return new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate());
    } catch (OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair keys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(256);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As files have it. */
  public static String pem(String what, byte[] der) {
    return "-----BEGIN "
        + what
        + "-----\n"
        + java.util.Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END "
        + what
        + "-----\n";
  }
}
