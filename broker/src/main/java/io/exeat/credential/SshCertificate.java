package io.exeat.credential;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a certificate of an Ed25519 key says (OpenSSH, PROTOCOL.certkeys), so that it is not lent
 * when it says more than was asked for. Its signature is Vault's to make and the hosts' to check.
 *
 * @param key the public key, 32 bytes in Base64
 * @param serial without a sign
 * @param options the critical ones
 */
public record SshCertificate(
    String key,
    String serial,
    boolean ofUser,
    Set<String> users,
    Instant from,
    Instant until,
    Map<String, String> options,
    Map<String, String> extensions) {
  private static final String TYPE = "ssh-ed25519-cert-v01@openssh.com";

  /** Longer than any that the engine signs for a role of ours. */
  private static final int MOST_BYTES = 64 * 1024;

  /** The far future; a time after it is taken for no end at all. */
  private static final long LATEST = 1L << 40;

  /**
   * Reads one.
   *
   * @param line as in a {@code -cert.pub} file
   * @throws IOException when it is none
   */
  public static SshCertificate read(String line) throws IOException {
    String[] parts = line.strip().split(" ", 3);
    if (parts.length < 2 || !parts[0].equals(TYPE) || parts[1].length() > MOST_BYTES) {
      throw new IOException("is no certificate of an Ed25519 key");
    }
    try {
      ByteBuffer text = ByteBuffer.wrap(Base64.getDecoder().decode(parts[1]));
      if (!string(text).equals(TYPE)) {
        throw new IOException("is no certificate of an Ed25519 key");
      }
      bytes(text); // a nonce
      String key = Base64.getEncoder().encodeToString(bytes(text));
      String serial = Long.toUnsignedString(text.getLong());
      boolean ofUser = text.getInt() == 1;
      bytes(text); // the key's name, for the hosts' logs
      Set<String> users = new TreeSet<>();
      ByteBuffer names = ByteBuffer.wrap(bytes(text));
      while (names.hasRemaining()) {
        users.add(string(names));
      }
      return new SshCertificate(
          key,
          serial,
          ofUser,
          users,
          instant(text.getLong()),
          instant(text.getLong()),
          options(ByteBuffer.wrap(bytes(text))),
          options(ByteBuffer.wrap(bytes(text))));
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new IOException("is cut short or no certificate", e);
    }
  }

  /** A name with its value, which is itself a string, or nothing. */
  private static Map<String, String> options(ByteBuffer text) throws IOException {
    Map<String, String> options = new TreeMap<>();
    while (text.hasRemaining()) {
      String name = string(text);
      ByteBuffer value = ByteBuffer.wrap(bytes(text));
      options.put(name, value.hasRemaining() ? string(value) : "");
    }
    return options;
  }

  private static Instant instant(long seconds) {
    return seconds < 0 || seconds > LATEST ? Instant.MAX : Instant.ofEpochSecond(seconds);
  }

  private static String string(ByteBuffer text) throws IOException {
    return new String(bytes(text), UTF_8);
  }

  private static byte[] bytes(ByteBuffer text) throws IOException {
    int length = text.getInt();
    if (length < 0 || length > text.remaining()) {
      throw new IOException("is cut short");
    }
    byte[] bytes = new byte[length];
    text.get(bytes);
    return bytes;
  }

  /** Whether it does not work any more after that. */
  public boolean endsBy(Instant latest) {
    return !until.isAfter(latest);
  }

  /** Whether it is of this public key, 32 bytes. */
  public boolean isOf(byte[] other) {
    return key.equals(Base64.getEncoder().encodeToString(other));
  }
}
