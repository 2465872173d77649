package io.exeat.identity;

import io.spiffe.spiffeid.TrustDomain;
import java.security.cert.X509Certificate;
import java.util.Set;

/** The X.509 authorities of each trust domain; a domain is only ever verified by its own. */
public interface TrustBundles {
  /**
   * The authorities of {@code domain} now; empty when there are none, so nothing of it verifies.
   */
  Set<X509Certificate> authorities(TrustDomain domain);
}
