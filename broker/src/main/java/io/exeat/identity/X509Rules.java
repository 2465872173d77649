package io.exeat.identity;

import io.exeat.base.FaultException;
import io.spiffe.spiffeid.SpiffeId;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What the X509-SVID specification demands of a leaf, before any signature is looked at. */
final class X509Rules {
  /** Leaf and intermediates; SPIRE makes at most a few, and each one costs a verification. */
  private static final int MAX_CHAIN = 8;

  static final int URI = 6;
  private static final int DIGITAL_SIGNATURE = 0;
  private static final int KEY_CERT_SIGN = 5;
  private static final int CRL_SIGN = 6;
  private static final int MIN_RSA_BITS = 2048;
  private static final int MIN_EC_BITS = 256;
  private static final String KEY_USAGE = "2.5.29.15";

  private X509Rules() {}

  /** The leaf's SPIFFE ID. */
  static SpiffeId check(List<X509Certificate> chain) throws CertificateException {
    if (chain.isEmpty() || chain.size() > MAX_CHAIN) {
      throw new CertificateException(
          "a chain of " + chain.size() + " certificates; 1 to " + MAX_CHAIN);
    }
    X509Certificate leaf = chain.getFirst();
    checkUsage(leaf);
    for (X509Certificate certificate : chain) {
      checkStrength(certificate.getPublicKey());
    }
    for (X509Certificate above : chain.subList(1, chain.size())) {
      checkSigner(above);
    }
    return idOf(leaf);
  }

  /** Specification, sections 4.1 and 4.3. */
  private static void checkUsage(X509Certificate leaf) throws CertificateException {
    if (leaf.getBasicConstraints() >= 0) {
      throw new CertificateException("the leaf is a certificate authority");
    }
    boolean[] usage = leaf.getKeyUsage();
    if (usage == null || !leaf.getCriticalExtensionOIDs().contains(KEY_USAGE)) {
      throw new CertificateException("the leaf has no critical key usage");
    }
    if (!usage[DIGITAL_SIGNATURE] || usage[KEY_CERT_SIGN] || usage[CRL_SIGN]) {
      throw new CertificateException(
          "the leaf's key usage must sign, and neither certificates nor lists");
    }
  }

  private static void checkSigner(X509Certificate above) throws CertificateException {
    boolean[] usage = above.getKeyUsage();
    if (above.getBasicConstraints() < 0 || usage == null || !usage[KEY_CERT_SIGN]) {
      throw new CertificateException("a certificate above the leaf is no certificate authority");
    }
  }

  private static void checkStrength(PublicKey key) throws CertificateException {
    boolean strong =
        switch (key) {
          case RSAPublicKey rsa -> rsa.getModulus().bitLength() >= MIN_RSA_BITS;
          case ECPublicKey ec -> ec.getParams().getCurve().getField().getFieldSize() >= MIN_EC_BITS;
          default -> key.getAlgorithm().equals("EdDSA");
        };
    if (!strong) {
      throw new CertificateException("a key of " + key.getAlgorithm() + " is too weak or unknown");
    }
  }

  /** Specification, section 2: exactly one URI name, and section 4.1: it has a path. */
  private static SpiffeId idOf(X509Certificate leaf) throws CertificateException {
    Collection<List<?>> names = leaf.getSubjectAlternativeNames();
    List<String> uris = new ArrayList<>();
    for (List<?> name : names == null ? List.<List<?>>of() : names) {
      if (Integer.valueOf(URI).equals(name.getFirst())) {
        uris.add(String.valueOf(name.get(1)));
      }
    }
    if (uris.size() != 1) {
      throw new CertificateException("the leaf has " + uris.size() + " URI names; exactly 1");
    }
    try {
      return SpiffeIds.parseWorkload("the leaf's SPIFFE ID", uris.getFirst());
    } catch (FaultException e) {
      throw new CertificateException("the leaf's SPIFFE ID is malformed", e);
    }
  }
}
