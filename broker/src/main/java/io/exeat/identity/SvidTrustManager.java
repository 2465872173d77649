package io.exeat.identity;

import io.spiffe.spiffeid.SpiffeId;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Predicate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trusts a peer whose chain verifies by its own trust domain's bundle and whose SPIFFE ID is
 * wanted.
 */
final class SvidTrustManager extends X509ExtendedTrustManager {
  private static final Logger LOG = LoggerFactory.getLogger(SvidTrustManager.class);
  private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
  private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
  private static final String ANY = "2.5.29.37.0";

  private final ChainVerifier verifier;
  private final Predicate<SpiffeId> wanted;

  SvidTrustManager(ChainVerifier verifier, Predicate<SpiffeId> wanted) {
    this.verifier = verifier;
    this.wanted = wanted;
  }

  private void check(X509Certificate[] chain, String purpose) throws CertificateException {
    try {
      SpiffeId id = verifier.verify(List.of(chain));
      List<String> purposes = chain[0].getExtendedKeyUsage();
      if (purposes != null && !purposes.contains(purpose) && !purposes.contains(ANY)) {
        throw new CertificateException("the X.509-SVID of " + id + " is not for this side of TLS");
      }
      if (!wanted.test(id)) {
        throw new CertificateException("the peer is " + id + ", which is not wanted here");
      }
    } catch (CertificateException e) {
      LOG.warn("A TLS peer is refused: {}", e.getMessage());
      throw e;
    }
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    check(chain, CLIENT_AUTH);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    check(chain, SERVER_AUTH);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable Socket socket)
      throws CertificateException {
    check(chain, CLIENT_AUTH);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable Socket socket)
      throws CertificateException {
    check(chain, SERVER_AUTH);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine)
      throws CertificateException {
    check(chain, CLIENT_AUTH);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine)
      throws CertificateException {
    check(chain, SERVER_AUTH);
  }

  /** None are named: a client is not told which trust domains are known here. */
  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
