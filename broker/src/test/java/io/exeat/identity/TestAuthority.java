package io.exeat.identity;

import io.spiffe.spiffeid.SpiffeId;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.util.List;

/** A trust domain's authority that issues whatever a test asks for. */
public final class TestAuthority {

  private final Forge.Authority authority;

  public TestAuthority(String trustDomain) {
    this.authority = Forge.authority(trustDomain);
  }

  public X509Certificate certificate() {
    return authority.certificate();
  }

  /** An SVID that begins and ends at the given seconds from now. */
  public Svid issue(String id, long from, long until) {
    KeyPair keys = Forge.ec();
    X509Certificate leaf = Forge.leaf(authority).keys(keys).uri(id).dates(from, until).sign();
    return new Svid(SpiffeId.parse(id), List.of(leaf), keys.getPrivate(), "");
  }

  /** One whose certificate says nothing of the SPIFFE ID that comes with it. */
  public Svid issueNameless(String id) {
    KeyPair keys = Forge.ec();
    X509Certificate leaf = Forge.leaf(authority).keys(keys).sign();
    return new Svid(SpiffeId.parse(id), List.of(leaf), keys.getPrivate(), "");
  }

  /** One that is a web server's certificate too. */
  public Svid issueWeb(String id, String dns) {
    KeyPair keys = Forge.ec();
    X509Certificate leaf = Forge.leaf(authority).keys(keys).uri(id).dns(dns).sign();
    return new Svid(SpiffeId.parse(id), List.of(leaf), keys.getPrivate(), "");
  }

  /** One of an RSA key. */
  public Svid issueRsa(String id) {
    KeyPair keys = Forge.rsa(2048);
    X509Certificate leaf = Forge.leaf(authority).keys(keys).uri(id).sign();
    return new Svid(SpiffeId.parse(id), List.of(leaf), keys.getPrivate(), "");
  }

  /** A good one for an hour. */
  public Svid issue(String id) {
    return issue(id, -60, 3600);
  }
}
