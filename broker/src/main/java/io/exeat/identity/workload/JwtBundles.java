package io.exeat.identity.workload;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.JwtRules;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Watch;
import io.exeat.spiffe.workload.JWTBundlesRequest;
import io.exeat.spiffe.workload.JWTBundlesResponse;
import io.exeat.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.grpc.Status;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Verifies others' JWT-SVIDs, by the keys of their own trust domains as the Workload API has them.
 */
public final class JwtBundles implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JwtBundles.class);
  private static final String HEADER = "workload.spiffe.io";
  private static final Duration RETRY = Duration.ofSeconds(1);

  private final Time time;
  private final Link link;
  private final Watch<JWTBundlesRequest, JWTBundlesResponse> watch;

  /** By trust domain, as in {@code spiffe://example.org}. */
  private volatile Map<String, JWKSet> bundles = Map.of();

  private volatile boolean answered;

  /** Starts asking. */
  public JwtBundles(IdentityConfig config, SpiffeTransport transport, Time time) {
    this.time = time;
    this.link = transport.plain(config.socket(), HEADER);
    this.watch =
        Watch.open(
            link,
            SpiffeWorkloadAPIGrpc.getFetchJWTBundlesMethod(),
            JWTBundlesRequest.getDefaultInstance(),
            new Answers());
  }

  /**
   * Whom {@code token} names, when it is a JWT-SVID for {@code audience}, valid now and signed by
   * an authority of its own trust domain.
   *
   * @throws FaultException Unattested when it is not; Unavailable IDENTITY when no keys are known
   */
  public SpiffeId verify(String token, String audience) {
    if (!answered) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.IDENTITY, "the Workload API has given no JWT bundles", RETRY));
    }
    try {
      JwtRules.Claimed claimed = JwtRules.claimed(token, audience, time.now());
      String domain = "spiffe://" + claimed.id().getTrustDomain().getName();
      JWKSet keys = bundles.get(domain);
      JWK key = keys == null ? null : keys.getKeyByKeyId(claimed.jwt().getHeader().getKeyID());
      if (key == null || !claimed.jwt().verify(verifier(key))) {
        throw new ParseException("is signed by no key of its trust domain", 0);
      }
      return claimed.id();
    } catch (ParseException | JOSEException e) {
      throw new FaultException(new Fault.Unattested("the JWT-SVID does not verify"), e);
    }
  }

  private static JWSVerifier verifier(JWK key) throws JOSEException {
    return switch (key) {
      case ECKey ec -> new ECDSAVerifier(ec);
      case RSAKey rsa -> new RSASSAVerifier(rsa);
      default -> throw new JOSEException("a key of type " + key.getKeyType());
    };
  }

  @Override
  public void close() {
    watch.close();
    link.close();
  }

  private final class Answers implements Watch.Receiver<JWTBundlesResponse> {
    @Override
    public void answered(JWTBundlesResponse answer) {
      Map<String, JWKSet> read = new HashMap<>();
      answer
          .getBundlesMap()
          .forEach((domain, document) -> {
            try {
              read.put(domain, JWKSet.parse(document.toString(StandardCharsets.UTF_8)));
            } catch (ParseException e) {
              LOG.warn("The JWT bundle of {} cannot be read: its tokens are refused", domain, e);
            }
          });
      bundles = Map.copyOf(read);
      answered = true;
    }

    @Override
    public void refused(Status why) {
      LOG.warn("The Workload API gives no JWT bundles: {}", why);
      bundles = Map.of();
    }

    /** What was last known stays: keys do not go bad with the connection. */
    @Override
    public void interrupted(Status why) {}
  }
}
