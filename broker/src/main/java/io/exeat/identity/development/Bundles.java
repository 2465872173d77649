package io.exeat.identity.development;

import com.google.protobuf.ByteString;
import io.exeat.identity.TrustBundles;
import io.spiffe.spiffeid.TrustDomain;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The own bundle and those of the trust domains federated with. */
final class Bundles implements TrustBundles {
  private final TrustDomain domain;
  private final Map<TrustDomain, Set<X509Certificate>> authorities = new ConcurrentHashMap<>();

  Bundles(TrustDomain domain, X509Certificate own) {
    this.domain = domain;
    authorities.put(domain, Set.of(own));
  }

  TrustDomain domain() {
    return domain;
  }

  void put(TrustDomain other, Set<X509Certificate> theirs) {
    authorities.put(other, Set.copyOf(theirs));
  }

  void remove(TrustDomain other) {
    authorities.remove(other);
  }

  @Override
  public Set<X509Certificate> authorities(TrustDomain of) {
    return authorities.getOrDefault(of, Set.of());
  }

  ByteString own() {
    return Wire.der(authorities(domain));
  }

  Map<String, ByteString> all() {
    Map<String, ByteString> all = new HashMap<>();
    authorities.forEach((of, theirs) -> all.put(of.toIdString(), Wire.der(theirs)));
    return all;
  }

  Map<String, ByteString> federated() {
    Map<String, ByteString> others = all();
    others.remove(domain.toIdString());
    return others;
  }
}
