package io.exeat.audit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The ends of a line of the chain: {@code {"v":1,"seq":N, … ,"prev":"<64 hex>","hash":"<64 hex>"}}.
 *
 * <p>The hash is SHA-256 over the line's bytes before {@code ,"hash":}, so that looking at bytes is
 * enough to check a chain, and nobody has to agree on how JSON is written.
 */
public final class ChainLine {
  /** What the first line has as its predecessor's hash. */
  public static final String NO_HASH = "0".repeat(64);

  /** The longest line that is written, and that is read as one. */
  public static final int MOST_BYTES = 256 * 1024;

  private static final byte[] START = ascii("{\"v\":1,\"seq\":");
  private static final byte[] PREV = ascii(",\"prev\":\"");
  private static final byte[] HASH = ascii("\",\"hash\":\"");
  private static final byte[] END = ascii("\"}");
  private static final int HEX = 64;
  private static final int TAIL = HASH.length + HEX + END.length;

  private final byte[] bytes;
  private final int from;
  private final int to;

  /** The line {@code bytes[from, to)}, without its end of line. */
  public ChainLine(byte[] bytes, int from, int to) {
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  /**
   * The complete line, with its end, for the {@code fields} between {@code seq} and {@code prev}.
   */
  public static byte[] complete(long seq, byte[] fields, String prev, MessageDigest sha256) {
    byte[] number = ascii(Long.toString(seq));
    int hashed = START.length + number.length + fields.length + PREV.length + HEX + 1;
    byte[] line = new byte[hashed - 1 + TAIL + 1];
    int at = put(line, 0, START);
    at = put(line, at, number);
    at = put(line, at, fields);
    at = put(line, at, PREV);
    at = put(line, at, ascii(prev));
    // The quote that closes prev belongs to what is hashed.
    line[at] = '"';
    sha256.update(line, 0, hashed);
    at = put(line, at, HASH);
    at = put(line, at, ascii(HexFormat.of().formatHex(sha256.digest())));
    at = put(line, at, END);
    line[at] = '\n';
    return line;
  }

  /** Whether the line has the shape of one, and its hash is that of its bytes. */
  public boolean isSound(MessageDigest sha256) {
    if (!hasShape()) {
      return false;
    }
    sha256.update(bytes, from, to - TAIL + 1 - from);
    return MessageDigest.isEqual(
        ascii(HexFormat.of().formatHex(sha256.digest())),
        Arrays.copyOfRange(bytes, to - END.length - HEX, to - END.length));
  }

  /** The position in the chain; -1 when there is none. */
  public long seq() {
    int at = from + START.length;
    long seq = 0;
    int digits = 0;
    for (; at < to && bytes[at] >= '0' && bytes[at] <= '9' && digits < 18; at++, digits++) {
      seq = seq * 10 + (bytes[at] - '0');
    }
    return digits == 0 || at >= to || bytes[at] != ',' ? -1 : seq;
  }

  /** The predecessor's hash, as it stands in a line that {@link #isSound}. */
  public String prev() {
    int start = to - TAIL - HEX;
    return new String(bytes, start, HEX, StandardCharsets.US_ASCII);
  }

  /** The line's own hash, as it stands there. */
  public String hash() {
    return new String(bytes, to - END.length - HEX, HEX, StandardCharsets.US_ASCII);
  }

  /**
   * The value of a field that is a plain text, up to its first quote; empty when it is not there.
   */
  public String text(String field) {
    byte[] key = ascii(",\"" + field + "\":\"");
    for (int i = from; i < to - key.length; i++) {
      if (Arrays.equals(bytes, i, i + key.length, key, 0, key.length)) {
        int end = i + key.length;
        while (end < to && bytes[end] != '"') {
          end++;
        }
        return new String(bytes, i + key.length, end - i - key.length, StandardCharsets.US_ASCII);
      }
    }
    return "";
  }

  /** The value of a field that is a whole number of at most 18 digits; 0 when it is not there. */
  public long number(String field) {
    byte[] key = ascii(",\"" + field + "\":");
    for (int i = from; i < to - key.length; i++) {
      if (Arrays.equals(bytes, i, i + key.length, key, 0, key.length)) {
        long number = 0;
        for (int at = i + key.length; at < to && bytes[at] >= '0' && bytes[at] <= '9'; at++) {
          number = number * 10 + (bytes[at] - '0');
        }
        return number;
      }
    }
    return 0;
  }

  private boolean hasShape() {
    int prev = to - TAIL - HEX - PREV.length;
    return prev > from + START.length
        && has(from, START)
        && has(prev, PREV)
        && has(to - TAIL, HASH)
        && has(to - END.length, END)
        && seq() >= 0
        && isAscii();
  }

  /** Everything else is escaped when it is written, so that no reader can take one line for two. */
  private boolean isAscii() {
    for (int i = from; i < to; i++) {
      if (bytes[i] < ' ' || bytes[i] == 0x7f) {
        return false;
      }
    }
    return true;
  }

  private boolean has(int at, byte[] part) {
    return Arrays.equals(bytes, at, at + part.length, part, 0, part.length);
  }

  private static int put(byte[] line, int at, byte[] part) {
    System.arraycopy(part, 0, line, at, part.length);
    return at + part.length;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
