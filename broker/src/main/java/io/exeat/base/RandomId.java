package io.exeat.base;

import java.security.SecureRandom;

/**
 * One letter and 20 characters of Crockford's base 32 in lower case: 100 random bits, safe in every
 * name.
 */
final class RandomId {
  private static final String ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
  private static final int LENGTH = 20;
  private static final SecureRandom RANDOM = new SecureRandom();

  private RandomId() {}

  static String next(char kind) {
    byte[] random = new byte[LENGTH];
    RANDOM.nextBytes(random);
    StringBuilder id = new StringBuilder(LENGTH + 1).append(kind);
    for (byte b : random) {
      id.append(ALPHABET.charAt(b & 31));
    }
    return id.toString();
  }

  static void check(String field, char kind, String value) {
    boolean wellFormed = value.length() == LENGTH + 1 && value.charAt(0) == kind;
    for (int i = 1; wellFormed && i < value.length(); i++) {
      wellFormed = ALPHABET.indexOf(value.charAt(i)) >= 0;
    }
    if (!wellFormed) {
      throw new FaultException(
          new Fault.Malformed(
              field, "not '" + kind + "' and 20 characters of [0-9a-z] as Exeat gave it"));
    }
  }
}
