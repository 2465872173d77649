package io.exeat.credential.vault;

import io.exeat.base.SecretBytes;
import io.exeat.task.Grant;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * A key that is made here, and the request (PKCS #10) that it be certified. Vault never sees the
 * key: a certificate of which the answer was lost is nobody's.
 *
 * @param request PEM; it asks for no name, because the names are the grant's
 */
record KeyRequest(PrivateKey key, String request) {
  private static final byte[] NEW_LINE = {'\n'};

  static KeyRequest make(Grant.Key kind) {
    try {
      KeyPairGenerator generator =
          KeyPairGenerator.getInstance(kind.type().equals("ec") ? "EC" : "RSA");
      generator.initialize(kind.bits());
      KeyPair pair = generator.generateKeyPair();
      byte[] der =
          new JcaPKCS10CertificationRequestBuilder(new X500Name(""), pair.getPublic())
              .build(
                  new JcaContentSignerBuilder(
                          kind.type().equals("ec") ? "SHA256withECDSA" : "SHA256withRSA")
                      .build(pair.getPrivate()))
              .getEncoded();
      return new KeyRequest(
          pair.getPrivate(),
          new String(pem("CERTIFICATE REQUEST", der), StandardCharsets.US_ASCII));
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("this JVM makes no " + kind, e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The key with its certificates, the first of which is its own. */
  SecretBytes with(List<String> certificates) {
    byte[] der = key.getEncoded();
    byte[] pem = pem("PRIVATE KEY", der);
    byte[] rest =
        String.join("", certificates.stream().map(each -> each.strip() + "\n").toList())
            .getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(pem, pem.length + rest.length);
    System.arraycopy(rest, 0, all, pem.length, rest.length);
    Arrays.fill(der, (byte) 0);
    Arrays.fill(pem, (byte) 0);
    return SecretBytes.adopt(all);
  }

  private static byte[] pem(String what, byte[] der) {
    byte[] text = Base64.getMimeEncoder(64, NEW_LINE).encode(der);
    ByteArrayOutputStream pem = new ByteArrayOutputStream(text.length + 128);
    pem.writeBytes(("-----BEGIN " + what + "-----\n").getBytes(StandardCharsets.US_ASCII));
    pem.writeBytes(text);
    pem.writeBytes(("\n-----END " + what + "-----\n").getBytes(StandardCharsets.US_ASCII));
    return pem.toByteArray();
  }

  /** The key is a secret. */
  @Override
  public String toString() {
    return "KeyRequest";
  }
}
