package io.exeat.identity;

import io.spiffe.spiffeid.SpiffeId;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * One X.509-SVID: certificate and key of the same rotation, pinned together (X509-SVID
 * specification).
 *
 * @param chain leaf first, then intermediates; never a root
 * @param hint the issuer's label for picking among several, or empty
 */
public record Svid(SpiffeId id, List<X509Certificate> chain, PrivateKey key, String hint) {
  public Svid {
    chain = List.copyOf(chain);
  }

  /** The leaf. */
  public X509Certificate leaf() {
    return chain.getFirst();
  }

  /** When the leaf ends. */
  public Instant notAfter() {
    return leaf().getNotAfter().toInstant();
  }

  /** Names the identity and the expiry, never the key. */
  @Override
  public String toString() {
    return "Svid[" + id + " until " + notAfter() + "]";
  }
}
