package io.exeat.identity;

import io.spiffe.spiffeid.SpiffeId;
import java.io.ByteArrayInputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads what the SPIFFE APIs send as X.509-SVIDs and bundles, and refuses what is not one. */
public final class Svids {
  private Svids() {}

  /**
   * One SVID: the certificates obey the X509-SVID specification, name {@code id} and belong to the
   * key.
   *
   * @param chain concatenated DER, leaf first
   * @param pkcs8 DER; the caller wipes it
   * @throws CertificateException saying which of these does not hold
   */
  public static Svid read(String id, byte[] chain, byte[] pkcs8, String hint)
      throws CertificateException {
    List<X509Certificate> certificates = certificates(chain);
    SpiffeId named = X509Rules.check(certificates);
    if (!named.toString().equals(id)) {
      throw new CertificateException("the certificate names another SPIFFE ID than the answer");
    }
    PrivateKey key = key(certificates.getFirst().getPublicKey(), pkcs8);
    return new Svid(named, certificates, key, hint);
  }

  /**
   * The private key of {@code publicKey}.
   *
   * @param pkcs8 DER; the caller wipes it
   * @throws CertificateException when it is no such key, or another's
   */
  public static PrivateKey key(PublicKey publicKey, byte[] pkcs8) throws CertificateException {
    try {
      PrivateKey key =
          KeyFactory.getInstance(publicKey.getAlgorithm())
              .generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      checkPair(publicKey, key);
      return key;
    } catch (GeneralSecurityException e) {
      // The cause may quote the key.
      throw new CertificateException("the private key cannot be used with the certificate");
    }
  }

  /**
   * The certificates of concatenated DER, in order; none for no bytes.
   *
   * @throws CertificateException when something else is among them
   */
  public static List<X509Certificate> certificates(byte[] der) throws CertificateException {
    List<X509Certificate> certificates = new ArrayList<>();
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    ByteArrayInputStream in = new ByteArrayInputStream(der);
    while (in.available() > 0) {
      certificates.add((X509Certificate) factory.generateCertificate(in));
    }
    return List.copyOf(certificates);
  }

  private static void checkPair(PublicKey publicKey, PrivateKey key)
      throws GeneralSecurityException {
    String algorithm =
        switch (publicKey.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          default -> publicKey.getAlgorithm();
        };
    byte[] challenge = new byte[32];
    Arrays.fill(challenge, (byte) 7);
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(key);
    signature.update(challenge);
    byte[] signed = signature.sign();
    signature.initVerify(publicKey);
    signature.update(challenge);
    if (!signature.verify(signed)) {
      throw new GeneralSecurityException("not a pair");
    }
  }
}
