package io.exeat.identity.development;

import io.exeat.base.Time;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** One trust domain's X.509 authority: P-256, a day long, its key in memory only. */
final class CertificateAuthority {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Clocks differ a little; SPIRE backdates as much. */
  private static final Duration BACKDATED = Duration.ofSeconds(10);

  private static final Duration LIFE = Duration.ofDays(1);

  private final X500Name name;
  private final Time time;
  private final PrivateKey key;
  private final X509Certificate certificate;

  CertificateAuthority(TrustDomain domain, Time time) {
    this.name = new X500Name("O=Exeat development,CN=" + domain.getName());
    this.time = time;
    KeyPair pair = keyPair();
    this.key = pair.getPrivate();
    this.certificate = sign(pair, name, domain.toIdString(), LIFE, true);
  }

  X509Certificate certificate() {
    return certificate;
  }

  /** A new key and its X.509-SVID. */
  Svid issue(SpiffeId id, String hint, Duration life) {
    KeyPair pair = keyPair();
    X509Certificate leaf =
        sign(pair, new X500Name("O=Exeat development"), id.toString(), life, false);
    return new Svid(id, List.of(leaf), pair.getPrivate(), hint);
  }

  /** A SPIFFE ID is ASCII and URI-shaped; the extensions are those of X509-SVID, section 4. */
  private X509Certificate sign(
      KeyPair pair, X500Name subject, String uri, Duration life, boolean authority) {
    Instant now = time.now();
    JcaX509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name,
            new BigInteger(120, RANDOM),
            Date.from(now.minus(BACKDATED)),
            Date.from(now.plus(life)),
            subject,
            pair.getPublic());
    try {
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
      builder.addExtension(
          Extension.keyUsage,
          true,
          new KeyUsage(
              authority ? KeyUsage.keyCertSign | KeyUsage.cRLSign : KeyUsage.digitalSignature));
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, uri)));
      if (!authority) {
        builder.addExtension(
            Extension.extendedKeyUsage,
            false,
            new ExtendedKeyUsage(
                new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}));
      }
      PrivateKey signer = authority ? pair.getPrivate() : key;
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(signer)));
    } catch (CertIOException | OperatorCreationException | GeneralSecurityException e) {
      throw new IllegalStateException("a certificate cannot be made", e);
    }
  }

  static KeyPair keyPair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no P-256", e);
    }
  }
}
