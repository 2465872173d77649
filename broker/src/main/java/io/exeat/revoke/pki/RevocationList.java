package io.exeat.revoke.pki;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.cert.CRLReason;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;

/** A revocation list (RFC 5280, section 5) that its issuer signed and that holds now. */
final class RevocationList {
  /** How far the issuer's clock may be ahead. */
  private static final Duration AHEAD = Duration.ofSeconds(60);

  /** What can be taken back, and what takes it back. */
  private static final Set<CRLReason> NOT_FOR_GOOD =
      Set.of(CRLReason.CERTIFICATE_HOLD, CRLReason.REMOVE_FROM_CRL);

  private final X509CRL list;

  private RevocationList(X509CRL list) {
    this.list = list;
  }

  /**
   * Reads one.
   *
   * @param text PEM or DER
   * @throws IOException saying why it is not to be believed
   */
  static RevocationList read(byte[] text, X509Certificate issuer, Instant now) throws IOException {
    X509CRL list;
    try {
      list =
          (X509CRL)
              CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(text));
    } catch (GeneralSecurityException e) {
      throw new IOException("is no revocation list", e);
    }
    if (list == null) {
      throw new IOException("is no revocation list");
    }
    try {
      list.verify(issuer.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw new IOException("is not signed by the issuer that Vault has", e);
    }
    if (!list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) {
      throw new IOException("is another issuer's");
    }
    if (list.getThisUpdate().toInstant().isAfter(now.plus(AHEAD))) {
      throw new IOException("holds from " + list.getThisUpdate().toInstant() + " on only");
    }
    if (list.getNextUpdate() == null || !list.getNextUpdate().toInstant().isAfter(now)) {
      throw new IOException(
          list.getNextUpdate() == null
              ? "does not say until when it holds"
              : "is stale since " + list.getNextUpdate().toInstant());
    }
    return new RevocationList(list);
  }

  /** When it was made, for people. */
  Instant madeAt() {
    return list.getThisUpdate().toInstant();
  }

  /** Whether the certificate is revoked, for good. */
  boolean has(BigInteger serial) {
    X509CRLEntry entry = list.getRevokedCertificate(serial);
    return entry != null
        && entry.getCertificateIssuer() == null
        && (entry.getRevocationReason() == null
            || !NOT_FOR_GOOD.contains(entry.getRevocationReason()));
  }
}
