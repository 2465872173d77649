package io.exeat.it.environment;

import io.exeat.credential.Certificates;
import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A service that takes clients with a certificate of one issuer, and goes by its list. */
public final class TlsService {
  private static final int PATIENCE_MS = 10_000;

  private final Certificates keys;

  public TlsService(Path folder) {
    TestCertificate own = TestCertificate.create(folder);
    try {
      this.keys =
          Certificates.read(Files.readString(own.key()) + Files.readString(own.certificate()));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Whether a client is let in; a handshake over the loopback address. */
  public boolean admits(Certificates client, X509Certificate issuer, X509CRL list) {
    try (SSLServerSocket listener =
        (SSLServerSocket)
            context(keys.store(), trust(issuer, list))
                .getServerSocketFactory()
                .createServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      listener.setNeedClientAuth(true);
      listener.setSoTimeout(PATIENCE_MS);
      CompletableFuture<Boolean> admitted =
          CompletableFuture.supplyAsync(() -> admitted(listener), r -> new Thread(r).start());
      TrustManagerFactory believing = itself();
      try (SSLSocket socket =
          (SSLSocket)
              context(client.store(), believing)
                  .getSocketFactory()
                  .createSocket("127.0.0.1", listener.getLocalPort())) {
        socket.setSoTimeout(PATIENCE_MS);
        socket.startHandshake();
        int _ = socket.getInputStream().read();
      } catch (SSLException | SocketException e) {
        // The server says why, or has hung up already.
      }
      return admitted.join();
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean admitted(SSLServerSocket listener) {
    try (SSLSocket socket = (SSLSocket) listener.accept()) {
      socket.setSoTimeout(PATIENCE_MS);
      socket.startHandshake();
      socket.getOutputStream().write('.');
      return true;
    } catch (SSLException e) {
      requireRevoked(e);
      return false;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Nothing else is a reason to refuse a client here. */
  private static void requireRevoked(SSLException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertPathValidatorException path
          && path.getReason() == CertPathValidatorException.BasicReason.REVOKED) {
        return;
      }
    }
    throw new IllegalStateException(e);
  }

  private static TrustManagerFactory trust(X509Certificate issuer, X509CRL list)
      throws GeneralSecurityException {
    PKIXBuilderParameters parameters =
        new PKIXBuilderParameters(Set.of(new TrustAnchor(issuer, null)), new X509CertSelector());
    parameters.setRevocationEnabled(true);
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(List.of(list))));
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(new CertPathTrustManagerParameters(parameters));
    return factory;
  }

  private TrustManagerFactory itself() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("server", keys.own());
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    return factory;
  }

  private static SSLContext context(KeyStore keys, TrustManagerFactory trust)
      throws GeneralSecurityException {
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, new char[0]);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(factory.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }
}
