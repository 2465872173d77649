package io.exeat.identity;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.spiffe.spiffeid.SpiffeId;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Predicate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * mTLS with X.509-SVIDs: TLS 1.3 only, no host names, the peer known by its SPIFFE ID.
 *
 * <p>Connections made later use the SVID and the bundles of then; connections that stand keep what
 * they began with, so a door asks {@link #verify} for each call and limits a connection's age to
 * half an SVID's life.
 */
public final class SpiffeTls {
  private static final String TLS = "TLSv1.3";

  private final IdentitySource source;
  private final ChainVerifier verifier;

  public SpiffeTls(IdentitySource source, Time time) {
    this.source = source;
    this.verifier = new ChainVerifier(source.trust(), time);
  }

  /**
   * Whose {@code chain} is, by the bundle of its own trust domain as it is now. Cheap for a chain
   * that was verified before: the dates and the bundle are looked at, the signatures only when the
   * bundle has changed.
   *
   * @throws FaultException Unattested when it does not verify now
   */
  public SpiffeId verify(List<X509Certificate> chain) {
    try {
      return verifier.verify(chain);
    } catch (CertificateException e) {
      throw new FaultException(new Fault.Unattested("the X.509-SVID does not verify"), e);
    }
  }

  /**
   * For a door: a client certificate is demanded, verified, and its ID must be one of {@code
   * clients}.
   *
   * @throws IllegalStateException when this JVM's TLS server hands out session tickets: a resumed
   *     session skips verification, so {@code -Djdk.tls.server.newSessionTicketCount=0} must be in
   *     force
   */
  public SslContext server(Predicate<SpiffeId> clients) {
    if (SessionTickets.areHandedOut(source.svid())) {
      throw new IllegalStateException(
          "this JVM hands out TLS session tickets, and a resumed session skips the verification of"
              + " the client; start it with -Djdk.tls.server.newSessionTicketCount=0");
    }
    return netty(
        SslContextBuilder.forServer(new SvidKeyManager(source::svid))
            .trustManager(new SvidTrustManager(verifier, clients))
            .clientAuth(ClientAuth.REQUIRE));
  }

  /** For a gRPC client: our SVID, and a server whose ID is one of {@code servers}. */
  public SslContext client(Predicate<SpiffeId> servers) {
    return netty(
        SslContextBuilder.forClient()
            .keyManager(new SvidKeyManager(source::svid))
            .trustManager(new SvidTrustManager(verifier, servers))
            .endpointIdentificationAlgorithm(null));
  }

  /** The same with an SVID that is not our own: an agent's, whose calls are relayed with it. */
  public SslContext client(Svid shown, Predicate<SpiffeId> servers) {
    return netty(
        SslContextBuilder.forClient()
            .keyManager(new SvidKeyManager(() -> shown))
            .trustManager(new SvidTrustManager(verifier, servers))
            .endpointIdentificationAlgorithm(null));
  }

  /**
   * For a {@code java.net.http} client to a server with an SVID. To be made anew after each {@link
   * IdentitySource#onChange}: a session that this context resumes keeps the SVID it began with.
   */
  public SSLContext context(Predicate<SpiffeId> servers) {
    return context(new SvidTrustManager(verifier, servers));
  }

  /** The same, to a server that another authority vouches for: Vault behind a company's CA. */
  public SSLContext context(X509TrustManager servers) {
    return jdk(new KeyManager[] {new SvidKeyManager(source::svid)}, new TrustManager[] {servers});
  }

  static SSLContext jdk(KeyManager[] keys, TrustManager[] trusted) {
    try {
      SSLContext context = SSLContext.getInstance(TLS);
      context.init(keys, trusted, new SecureRandom());
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no " + TLS, e);
    }
  }

  private static SslContext netty(SslContextBuilder builder) {
    try {
      return SpiffeTransport.configure(builder).protocols(TLS).build();
    } catch (SSLException e) {
      throw new IllegalStateException("this JVM has no " + TLS, e);
    }
  }
}
