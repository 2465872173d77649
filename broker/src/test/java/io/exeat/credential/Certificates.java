package io.exeat.credential;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A key with its certificates, read from PEM as a program would.
 *
 * @param chain its own first
 */
public record Certificates(PrivateKey key, List<X509Certificate> chain) {
  public static Certificates read(String pem) {
    try {
      int end = pem.indexOf("-----BEGIN CERTIFICATE-----");
      String key = pem.substring(0, end).replaceAll("-----[A-Z ]+-----", "");
      PKCS8EncodedKeySpec encoded =
          new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(key.strip()));
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      List<X509Certificate> chain =
          factory
              .generateCertificates(
                  new ByteArrayInputStream(pem.substring(end).getBytes(StandardCharsets.US_ASCII)))
              .stream()
              .map(X509Certificate.class::cast)
              .toList();
      String kind = chain.getFirst().getPublicKey().getAlgorithm();
      return new Certificates(KeyFactory.getInstance(kind).generatePrivate(encoded), chain);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(e);
    }
  }

  public X509Certificate own() {
    return chain.getFirst();
  }

  /** Every name that it has beside its subject. */
  public Set<String> names() {
    try {
      Collection<List<?>> names = own().getSubjectAlternativeNames();
      return names.stream().map(it -> String.valueOf(it.get(1))).collect(Collectors.toSet());
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** For a TLS client. */
  public KeyStore store() {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry("own", key, new char[0], chain.toArray(X509Certificate[]::new));
      return store;
    } catch (GeneralSecurityException | java.io.IOException e) {
      throw new IllegalArgumentException(e);
    }
  }
}
