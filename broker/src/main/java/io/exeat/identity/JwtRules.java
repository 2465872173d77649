package io.exeat.identity;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.spiffe.spiffeid.SpiffeId;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;

/**
 * What the JWT-SVID specification demands of a token that the Workload API gave us for ourselves.
 * The signature is for whoever the token is shown to: we hold no JWT bundle.
 */
public final class JwtRules {
  private static final int MAX_BYTES = 8 * 1024;

  /** How far the agent's clock may be ahead of ours. */
  private static final Duration AHEAD = Duration.ofSeconds(60);

  /** Specification, section 2.1: asymmetric ones only. */
  private static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.ES256,
          JWSAlgorithm.ES384,
          JWSAlgorithm.ES512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512);

  private JwtRules() {}

  /** A token that is ours, and its dates. */
  public record Checked(String token, Instant issued, Instant expires) {
    /** Never the token. */
    @Override
    public String toString() {
      return "JWT-SVID until " + expires;
    }
  }

  /**
   * The token, if it is one for {@code audience} alone, of {@code id}, and not expired.
   *
   * @throws ParseException saying which rule is broken, never with the token
   */
  public static Checked check(String token, String audience, SpiffeId id, Instant now)
      throws ParseException {
    if (token.length() > MAX_BYTES) {
      throw broken("is longer than " + MAX_BYTES + " bytes");
    }
    SignedJWT jwt;
    JWTClaimsSet claims;
    try {
      jwt = SignedJWT.parse(token);
      claims = jwt.getJWTClaimsSet();
    } catch (ParseException | RuntimeException e) {
      // The cause may quote the token.
      throw broken("is no signed JWT");
    }
    checkHeader(jwt.getHeader());
    if (!List.of(audience).equals(claims.getAudience())) {
      throw broken("is not for exactly the audience that was asked for");
    }
    if (!id.toString().equals(claims.getSubject())) {
      throw broken("is not of the SPIFFE ID that was asked for");
    }
    Date expires = claims.getExpirationTime();
    if (expires == null || !expires.toInstant().isAfter(now)) {
      throw broken("has no exp, or has expired");
    }
    Date notBefore = claims.getNotBeforeTime();
    if (notBefore != null && notBefore.toInstant().isAfter(now.plus(AHEAD))) {
      throw broken("is not valid yet");
    }
    Date issued = claims.getIssueTime();
    if (issued != null && issued.toInstant().isAfter(now.plus(AHEAD))) {
      throw broken("was issued in the future");
    }
    return new Checked(token, issued == null ? now : issued.toInstant(), expires.toInstant());
  }

  private static void checkHeader(JWSHeader header) throws ParseException {
    if (!ALGORITHMS.contains(header.getAlgorithm())) {
      throw broken("has an algorithm that JWT-SVIDs may not have");
    }
    if (header.getType() != null && !Set.of("JWT", "JOSE").contains(header.getType().getType())) {
      throw broken("has another type than JWT or JOSE");
    }
    if (header.getJWKURL() != null
        || header.getJWK() != null
        || header.getX509CertURL() != null
        || header.getX509CertChain() != null
        || header.getCriticalParams() != null) {
      throw broken("names keys of its own, or critical headers");
    }
  }

  private static ParseException broken(String what) {
    return new ParseException("the JWT-SVID " + what, 0);
  }
}
