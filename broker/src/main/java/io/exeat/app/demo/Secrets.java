package io.exeat.app.demo;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Passwords of the demo's own servers. */
final class Secrets {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Secrets() {}

  static String fresh() {
    byte[] bytes = new byte[16];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
