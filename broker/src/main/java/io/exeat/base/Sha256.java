package io.exeat.base;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 (FIPS 180-4). To look the algorithm up takes as long as to hash a kilobyte. */
public final class Sha256 {
  /** Never given anything: a copy of it is a new one. */
  private static final MessageDigest NEW = find();

  private Sha256() {}

  /** A new digest, for one thread. */
  public static MessageDigest begin() {
    try {
      return (MessageDigest) NEW.clone();
    } catch (CloneNotSupportedException e) {
      return find();
    }
  }

  /** The digest of {@code bytes}: 64 characters, in lower case. */
  public static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(begin().digest(bytes));
  }

  private static MessageDigest find() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
