package io.exeat.identity;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.exeat.base.FaultException;
import io.spiffe.spiffeid.SpiffeId;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;

/**
 * What the JWT-SVID specification demands of a token, apart from its signature: that of our own
 * tokens is for whoever they are shown to, that of others' is looked at by {@code JwtBundles}.
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
    Read read = read(token);
    JWTClaimsSet claims = read.claims();
    if (!List.of(audience).equals(claims.getAudience())) {
      throw broken("is not for exactly the audience that was asked for");
    }
    if (!id.toString().equals(claims.getSubject())) {
      throw broken("is not of the SPIFFE ID that was asked for");
    }
    Instant expires = checkDates(claims, now);
    Date issued = claims.getIssueTime();
    return new Checked(token, issued == null ? now : issued.toInstant(), expires);
  }

  /**
   * Somebody's token. Whose it really is, its signature says, which has not been looked at.
   *
   * @param id of a workload
   */
  public record Claimed(SignedJWT jwt, SpiffeId id) {
    /** Never the token. */
    @Override
    public String toString() {
      return "JWT-SVID of, as it says, " + id;
    }
  }

  /**
   * What {@code token} says, if it is for {@code audience}, among others perhaps, and not expired.
   *
   * @throws ParseException saying which rule is broken, never with the token
   */
  public static Claimed claimed(String token, String audience, Instant now) throws ParseException {
    Read read = read(token);
    if (!read.claims().getAudience().contains(audience)) {
      throw broken("is for another audience");
    }
    var _ = checkDates(read.claims(), now);
    try {
      String subject = String.valueOf(read.claims().getSubject());
      return new Claimed(read.jwt(), SpiffeIds.parseWorkload("sub", subject));
    } catch (FaultException e) {
      throw broken("names no SPIFFE ID of a workload");
    }
  }

  private record Read(SignedJWT jwt, JWTClaimsSet claims) {}

  private static Read read(String token) throws ParseException {
    if (token.length() > MAX_BYTES) {
      throw broken("is longer than " + MAX_BYTES + " bytes");
    }
    Read read;
    try {
      SignedJWT jwt = SignedJWT.parse(token);
      read = new Read(jwt, jwt.getJWTClaimsSet());
    } catch (ParseException | RuntimeException e) {
      // The cause may quote the token.
      throw broken("is no signed JWT");
    }
    checkHeader(read.jwt().getHeader());
    return read;
  }

  private static Instant checkDates(JWTClaimsSet claims, Instant now) throws ParseException {
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
    return expires.toInstant();
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
