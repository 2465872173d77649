package io.exeat.identity;

import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Verifies chains of the past, with a bundle at hand and nobody to ask. */
public final class Chains {
  private Chains() {}

  /**
   * Whose {@code chain} was at that time, by {@code authorities}, of one trust domain.
   *
   * @param chain leaf first
   * @throws CertificateException saying which rule of the X509-SVID specification does not hold
   */
  public static SpiffeId verify(
      List<X509Certificate> chain, Collection<X509Certificate> authorities, Instant at)
      throws CertificateException {
    String domain = X509Rules.check(chain).getTrustDomain().toIdString();
    Set<X509Certificate> valid = new HashSet<>();
    for (X509Certificate authority : authorities) {
      if (isValid(authority, at) && !isOfAnother(authority, domain)) {
        valid.add(authority);
      }
    }
    if (valid.isEmpty()) {
      throw new CertificateException(
          "no authority of the bundle is of " + domain + " and was valid at " + at);
    }
    Time then = new Time(() -> at, () -> 0);
    return new ChainVerifier(any -> valid, then).verify(chain);
  }

  /** An authority may name the trust domain that it is of (X509-SVID specification, section 3). */
  private static boolean isOfAnother(X509Certificate authority, String domain)
      throws CertificateException {
    Collection<List<?>> names = authority.getSubjectAlternativeNames();
    for (List<?> name : names == null ? List.<List<?>>of() : names) {
      if (Integer.valueOf(X509Rules.URI).equals(name.getFirst()) && !domain.equals(name.get(1))) {
        return true;
      }
    }
    return false;
  }

  /** Path validation looks at the dates of every certificate but the anchor's. */
  private static boolean isValid(X509Certificate authority, Instant at) {
    return !at.isBefore(authority.getNotBefore().toInstant())
        && !at.isAfter(authority.getNotAfter().toInstant());
  }
}
