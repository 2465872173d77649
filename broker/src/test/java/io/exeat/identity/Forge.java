package io.exeat.identity;

import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.NullMarked;

/** Certificates good and bad, made at run time. */
@NullMarked
final class Forge {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Forge() {}

  record Authority(X509Certificate certificate, PrivateKey key) {}

  static Authority authority(String trustDomain) {
    KeyPair pair = ec();
    X500Name name = new X500Name("CN=" + trustDomain);
    Leaf root =
        new Leaf(name, pair.getPrivate(), name)
            .keys(pair)
            .authority(true)
            .uri("spiffe://" + trustDomain);
    return new Authority(
        root.usage(KeyUsage.keyCertSign | KeyUsage.cRLSign).sign(), pair.getPrivate());
  }

  static Authority below(Authority above, boolean authority, int usage) {
    KeyPair pair = ec();
    Leaf next =
        new Leaf(subject(above), above.key(), new X500Name("CN=below"))
            .keys(pair)
            .authority(authority)
            .usage(usage);
    return new Authority(next.sign(), pair.getPrivate());
  }

  static Leaf leaf(Authority by) {
    return new Leaf(subject(by), by.key(), new X500Name("CN=leaf"));
  }

  private static X500Name subject(Authority of) {
    return new X500Name(of.certificate().getSubjectX500Principal().getName());
  }

  static KeyPair ec() {
    return pair("EC", 256);
  }

  static KeyPair rsa(int bits) {
    return pair("RSA", bits);
  }

  private static KeyPair pair(String algorithm, int bits) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
      generator.initialize(bits, RANDOM);
      return generator.generateKeyPair();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** A good leaf without names, until told otherwise; dates in seconds from now. */
  static final class Leaf {
    private final X500Name issuer;
    private final PrivateKey signer;
    private final X500Name subject;
    private final List<GeneralName> names = new ArrayList<>();
    private KeyPair keys = ec();
    private boolean authority;
    private int usage = KeyUsage.digitalSignature;
    private boolean criticalUsage = true;
    private long from = -60;
    private long until = 3600;

    Leaf(X500Name issuer, PrivateKey signer, X500Name subject) {
      this.issuer = issuer;
      this.signer = signer;
      this.subject = subject;
    }

    Leaf uri(String uri) {
      names.add(new GeneralName(GeneralName.uniformResourceIdentifier, uri));
      return this;
    }

    Leaf dns(String name) {
      names.add(new GeneralName(GeneralName.dNSName, name));
      return this;
    }

    Leaf keys(KeyPair others) {
      this.keys = others;
      return this;
    }

    Leaf authority(boolean isAuthority) {
      this.authority = isAuthority;
      return this;
    }

    Leaf usage(int bits) {
      this.usage = bits;
      return this;
    }

    Leaf criticalUsage(boolean critical) {
      this.criticalUsage = critical;
      return this;
    }

    Leaf dates(long fromNow, long untilNow) {
      this.from = fromNow;
      this.until = untilNow;
      return this;
    }

    X509Certificate sign() {
      Instant now = Instant.now();
      try {
        JcaX509v3CertificateBuilder builder =
            new JcaX509v3CertificateBuilder(
                issuer,
                new BigInteger(100, RANDOM),
                Date.from(now.plusSeconds(from)),
                Date.from(now.plusSeconds(until)),
                subject,
                keys.getPublic());
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
        if (usage != 0) {
          builder.addExtension(Extension.keyUsage, criticalUsage, new KeyUsage(usage));
        }
        if (!names.isEmpty()) {
          builder.addExtension(
              Extension.subjectAlternativeName,
              false,
              new GeneralNames(names.toArray(new GeneralName[0])));
        }
        return new JcaX509CertificateConverter()
            .getCertificate(
                builder.build(
                    new JcaContentSignerBuilder(
                            signer.getAlgorithm().equals("RSA")
                                ? "SHA256withRSA"
                                : "SHA256withECDSA")
                        .build(signer)));
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
  }
}
