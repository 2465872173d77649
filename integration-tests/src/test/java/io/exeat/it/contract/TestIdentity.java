package io.exeat.it.contract;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.exeat.base.Subscription;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import io.exeat.identity.TrustBundles;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** JWT-SVIDs signed by a key of the test's; no X.509-SVID. */
final class TestIdentity implements IdentitySource {
  private final SpiffeId id;
  private volatile ECKey key;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  TestIdentity(SpiffeId id) {
    this.id = id;
    this.key = newKey("one");
  }

  private static ECKey newKey(String name) {
    try {
      return new ECKeyGenerator(Curve.P_256).keyID(name).generate();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Signs with another key from now on. */
  void changeKey(String name) {
    key = newKey(name);
  }

  /** The public key as a JWK set, as a trust bundle has it. */
  String jwks() {
    return new JWKSet(key.toPublicJWK()).toString();
  }

  String publicKeyPem() {
    try {
      return "-----BEGIN PUBLIC KEY-----\n"
          + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
              .encodeToString(key.toECPublicKey().getEncoded())
          + "\n-----END PUBLIC KEY-----";
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  String jwtOf(SpiffeId subject, String audience) {
    try {
      Instant now = Instant.now();
      SignedJWT jwt =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(key.getKeyID()).build(),
              new JWTClaimsSet.Builder()
                  .subject(subject.toString())
                  .audience(audience)
                  .issueTime(Date.from(now))
                  .expirationTime(Date.from(now.plusSeconds(300)))
                  .build());
      jwt.sign(new ECDSASigner(key));
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As a rotation of the SVID. */
  void rotate() {
    listeners.forEach(Runnable::run);
  }

  @Override
  public Svid svid() {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<Svid> svids(SpiffeId other, String hint) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String jwt(String audience, Duration within) {
    return jwtOf(id, audience);
  }

  @Override
  public TrustBundles trust() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Subscription onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  @Override
  public void close() {}
}
