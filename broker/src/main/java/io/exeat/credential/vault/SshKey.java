package io.exeat.credential.vault;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.exeat.base.SecretBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.util.OpenSSHPrivateKeyUtil;
import org.bouncycastle.crypto.util.OpenSSHPublicKeyUtil;

/**
 * An Ed25519 key that is made here to be certified. Vault never sees it: a certificate of which the
 * answer was lost is nobody's.
 */
final class SshKey {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte[] NEW_LINE = {'\n'};

  private final Ed25519PrivateKeyParameters key = new Ed25519PrivateKeyParameters(RANDOM);

  /** As in an {@code authorized_keys} file. */
  String line() {
    try {
      return "ssh-ed25519 "
          + Base64.getEncoder()
              .encodeToString(OpenSSHPublicKeyUtil.encodePublicKey(key.generatePublicKey()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The public key, 32 bytes. */
  byte[] bytes() {
    return key.generatePublicKey().getEncoded();
  }

  /** The private key as OpenSSH has it in a file, and after it the certificate's line. */
  SecretBytes with(String certificate) {
    try {
      byte[] raw = OpenSSHPrivateKeyUtil.encodePrivateKey(key);
      byte[] text = Base64.getMimeEncoder(70, NEW_LINE).encode(raw);
      ByteArrayOutputStream all = new ByteArrayOutputStream(text.length + 2048);
      all.writeBytes("-----BEGIN OPENSSH PRIVATE KEY-----\n".getBytes(US_ASCII));
      all.writeBytes(text);
      all.writeBytes("\n-----END OPENSSH PRIVATE KEY-----\n".getBytes(US_ASCII));
      all.writeBytes((certificate.strip() + "\n").getBytes(US_ASCII));
      Arrays.fill(raw, (byte) 0);
      Arrays.fill(text, (byte) 0);
      return SecretBytes.adopt(all.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
