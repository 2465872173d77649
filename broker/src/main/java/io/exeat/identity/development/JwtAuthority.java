package io.exeat.identity.development;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.security.KeyPair;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;

/** One trust domain's JWT-SVID authority: ES256, its key in memory only. */
final class JwtAuthority {
  private final Time time;
  private final ECKey key;

  JwtAuthority(Time time) {
    this.time = time;
    KeyPair pair = CertificateAuthority.keyPair();
    try {
      this.key =
          new ECKey.Builder(Curve.P_256, (ECPublicKey) pair.getPublic())
              .privateKey(pair.getPrivate())
              .keyIDFromThumbprint()
              .build();
    } catch (JOSEException e) {
      throw new IllegalStateException("a JWK cannot be made", e);
    }
  }

  String issue(SpiffeId id, List<String> audience, Duration life) {
    Instant now = time.now();
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256)
                .keyID(key.getKeyID())
                .type(JOSEObjectType.JWT)
                .build(),
            new JWTClaimsSet.Builder()
                .subject(id.toString())
                .audience(audience)
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plus(life)))
                .build());
    try {
      jwt.sign(new ECDSASigner(key));
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException("a JWT-SVID cannot be signed", e);
    }
  }

  /** The public key as a JWK set. */
  String jwks() {
    return new JWKSet(key.toPublicJWK()).toString();
  }

  /** The public key as PEM, for Vault's {@code jwt_validation_pubkeys}. */
  String pem() {
    try {
      return "-----BEGIN PUBLIC KEY-----\n"
          + Base64.getMimeEncoder(64, new byte[] {'\n'})
              .encodeToString(key.toPublicKey().getEncoded())
          + "\n-----END PUBLIC KEY-----\n";
    } catch (JOSEException e) {
      throw new IllegalStateException("a JWK cannot be read", e);
    }
  }
}
