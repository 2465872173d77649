package io.exeat.revoke;

import io.exeat.base.Sha256;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * Stands for a handle of Vault's: who has the handle can tell that it is this one, and nobody gets
 * it from here.
 *
 * @param salt 16 random bytes, in hex
 * @param sha256 SHA-256 over the salt's bytes and the handle's, in hex
 */
public record SaltedHash(String salt, String sha256) {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int SALT = 16;

  public static SaltedHash of(String handle) {
    byte[] salt = new byte[SALT];
    RANDOM.nextBytes(salt);
    return of(handle, salt);
  }

  /** Whether it stands for {@code handle}. */
  public boolean matches(String handle) {
    return of(handle, HexFormat.of().parseHex(salt)).equals(this);
  }

  private static SaltedHash of(String handle, byte[] salt) {
    MessageDigest digest = Sha256.begin();
    digest.update(salt);
    digest.update(handle.getBytes(StandardCharsets.UTF_8));
    return new SaltedHash(
        HexFormat.of().formatHex(salt), HexFormat.of().formatHex(digest.digest()));
  }
}
