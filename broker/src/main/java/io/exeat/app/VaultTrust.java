package io.exeat.app;

import io.exeat.base.CannotStart;
import io.exeat.identity.PemAuthorities;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Arrays;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Who vouches for a server that has no SVID. */
final class VaultTrust {
  private VaultTrust() {}

  /**
   * The authorities in {@code pem}, else the JDK's.
   *
   * @param key of the configuration that says which file, for people
   * @throws CannotStart when the file is not there or holds no certificate
   */
  static X509TrustManager of(Optional<Path> pem, String key) {
    try {
      return read(pem);
    } catch (SSLException e) {
      throw new CannotStart(
          String.valueOf(e.getMessage()),
          key + " must name a readable PEM file with a certificate in it.",
          e);
    }
  }

  /**
   * As {@link #of}, while the broker runs.
   *
   * @throws SSLException when the file is not there or holds no certificate; its message names it
   */
  static X509TrustManager read(Optional<Path> pem) throws SSLException {
    try {
      if (pem.isPresent()) {
        try (InputStream in = Files.newInputStream(pem.get())) {
          return PemAuthorities.trust(in);
        }
      }
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init((KeyStore) null);
      return Arrays.stream(factory.getTrustManagers())
          .filter(X509TrustManager.class::isInstance)
          .map(X509TrustManager.class::cast)
          .findFirst()
          .orElseThrow();
    } catch (IOException | GeneralSecurityException e) {
      throw new SSLException(
          "the authorities in " + pem.map(Path::toString).orElse("the JDK") + " cannot be read", e);
    }
  }

  /** A client's context without an SVID to show: an operator has none. */
  static SSLContext plain(X509TrustManager trust) {
    try {
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(null, new TrustManager[] {trust}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no TLSv1.3", e);
    }
  }
}
