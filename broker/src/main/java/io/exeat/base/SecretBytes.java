package io.exeat.base;

import java.util.Arrays;
import java.util.function.Function;

/**
 * A secret: lent to a reader, zeroed on close, unprintable.
 *
 * <p>Who may call {@link #read} is a list in {@code ArchitectureTest}. Safe for use by several
 * threads; {@link #close} waits for readers.
 */
public final class SecretBytes implements AutoCloseable {
  private final byte[] bytes;
  private boolean closed;

  private SecretBytes(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Takes ownership of {@code bytes}: the caller must not keep the array. */
  public static SecretBytes adopt(byte[] bytes) {
    return new SecretBytes(bytes);
  }

  /**
   * Lends the bytes to {@code reader}, which must not keep the array.
   *
   * @throws IllegalStateException after {@link #close}
   */
  public synchronized <T> T read(Function<byte[], T> reader) {
    if (closed) {
      throw new IllegalStateException("the secret is gone");
    }
    return reader.apply(bytes);
  }

  /** Zeroes the bytes. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    Arrays.fill(bytes, (byte) 0);
  }

  @Override
  public String toString() {
    return "SecretBytes[" + bytes.length + "]";
  }
}
