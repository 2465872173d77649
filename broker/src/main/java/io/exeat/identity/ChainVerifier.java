package io.exeat.identity;

import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Verifies chains against the bundle of the trust domain that the leaf names, and no other
 * (X509-SVID specification, section 5). What was verified is remembered for as long as that bundle
 * stays the same; the dates are looked at each time.
 */
final class ChainVerifier {
  private static final int REMEMBERED = 1024;

  private final TrustBundles bundles;
  private final Time time;
  private final Map<List<X509Certificate>, Verified> verified =
      new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<X509Certificate>, Verified> eldest) {
          return size() > REMEMBERED;
        }
      };

  private record Verified(SpiffeId id, Set<X509Certificate> by, Instant from, Instant until) {}

  ChainVerifier(TrustBundles bundles, Time time) {
    this.bundles = bundles;
    this.time = time;
  }

  SpiffeId verify(List<X509Certificate> chain) throws CertificateException {
    Instant now = time.now();
    Verified known;
    synchronized (verified) {
      known = verified.get(chain);
    }
    if (known != null && known.by().equals(bundles.authorities(known.id().getTrustDomain()))) {
      if (now.isBefore(known.from()) || now.isAfter(known.until())) {
        throw new CertificateException("the certificate is not valid now");
      }
      return known.id();
    }
    Verified fresh = check(chain, now);
    synchronized (verified) {
      verified.put(List.copyOf(chain), fresh);
    }
    return fresh.id();
  }

  private Verified check(List<X509Certificate> chain, Instant now) throws CertificateException {
    SpiffeId id = X509Rules.check(chain);
    Set<X509Certificate> authorities = bundles.authorities(id.getTrustDomain());
    if (authorities.isEmpty()) {
      throw new CertificateException("there is no bundle of trust domain " + id.getTrustDomain());
    }
    Set<TrustAnchor> anchors = new HashSet<>();
    for (X509Certificate authority : authorities) {
      anchors.add(new TrustAnchor(authority, null));
    }
    try {
      PKIXParameters parameters = new PKIXParameters(anchors);
      parameters.setRevocationEnabled(false);
      parameters.setDate(Date.from(now));
      var _ =
          CertPathValidator.getInstance("PKIX")
              .validate(
                  CertificateFactory.getInstance("X.509").generateCertPath(chain), parameters);
    } catch (GeneralSecurityException e) {
      throw new CertificateException(
          "the chain of " + id + " does not verify by its trust domain's bundle: " + e.getMessage(),
          e);
    }
    Instant from = Instant.MIN;
    Instant until = Instant.MAX;
    for (X509Certificate certificate : chain) {
      Instant notBefore = certificate.getNotBefore().toInstant();
      Instant notAfter = certificate.getNotAfter().toInstant();
      from = notBefore.isAfter(from) ? notBefore : from;
      until = notAfter.isBefore(until) ? notAfter : until;
    }
    return new Verified(id, authorities, from, until);
  }
}
