package io.exeat.identity;

import java.io.IOException;
import java.io.InputStream;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Collection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Who vouches for a server that has no SVID: X.509 authorities in PEM, and nobody else. */
public final class PemAuthorities {
  private PemAuthorities() {}

  /**
   * Believes what these authorities issued.
   *
   * @param pem one certificate or more (RFC 7468); read to its end, the caller's to close
   * @throws CertificateException when there is none in it, or something that is none
   */
  public static X509TrustManager trust(InputStream pem)
      throws IOException, GeneralSecurityException {
    Collection<? extends Certificate> all =
        CertificateFactory.getInstance("X.509").generateCertificates(pem);
    if (all.isEmpty()) {
      throw new CertificateException("there is no certificate in it");
    }
    KeyStore authorities = KeyStore.getInstance("PKCS12");
    authorities.load(null, null);
    int number = 0;
    for (Certificate each : all) {
      authorities.setCertificateEntry("ca-" + number++, each);
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(authorities);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .map(X509TrustManager.class::cast)
        .findFirst()
        .orElseThrow();
  }

  /**
   * For a client that shows nothing of itself: TLS 1.2 or 1.3, and the server's name is checked by
   * who connects.
   *
   * @param pem as {@link #trust}
   * @throws CertificateException as {@link #trust}
   */
  public static SSLContext context(InputStream pem) throws IOException, GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {trust(pem)}, null);
    return context;
  }
}
