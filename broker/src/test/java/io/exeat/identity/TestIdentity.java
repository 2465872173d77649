package io.exeat.identity;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An identity that a test holds and changes by hand. */
public final class TestIdentity implements IdentitySource {

  private volatile boolean gone;
  private volatile Svid svid;
  private volatile Map<TrustDomain, Set<X509Certificate>> bundles;

  public TestIdentity(Svid svid, X509Certificate... trusted) {
    this.svid = svid;
    this.bundles = Map.of(svid.id().getTrustDomain(), Set.of(trusted));
  }

  public void rotate(Svid next) {
    svid = next;
  }

  public void trust(X509Certificate... trusted) {
    bundles = Map.of(svid.id().getTrustDomain(), Set.of(trusted));
  }

  /** The same without an SVID, as when SPIRE is away for longer than it lasts. */
  public TestIdentity gone() {
    gone = true;
    return this;
  }

  @Override
  public Svid svid() {
    if (gone) {
      throw new FaultException(
          new Fault.Unavailable(Fault.Dependency.IDENTITY, "no SVID", Duration.ofSeconds(1)));
    }
    return svid;
  }

  @Override
  public List<Svid> svids(SpiffeId id, String hint) {
    return List.of();
  }

  @Override
  public String jwt(String audience, Duration within) {
    throw new UnsupportedOperationException("no JWT-SVIDs here");
  }

  @Override
  public TrustBundles trust() {
    return domain -> bundles.getOrDefault(domain, Set.of());
  }

  @Override
  public Subscription onChange(Runnable listener) {
    return () -> {};
  }

  @Override
  public void close() {}
}
