package io.exeat.policy;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Map;

/**
 * JSON as RFC 8785 writes it, in UTF-8, so that equal content has equal bytes: sorted keys, no
 * spaces, one way to write each number. Numbers of more digits than a double has keep them all,
 * where the RFC would round: what is not equal must not become so.
 */
public final class CanonicalJson {
  private static final HexFormat HEX = HexFormat.of();

  private CanonicalJson() {}

  public static byte[] bytes(JsonNode json) {
    return text(json).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * The same as characters.
   *
   * @throws IllegalArgumentException for a text with half a surrogate pair, which has no bytes
   */
  public static String text(JsonNode json) {
    StringBuilder out = new StringBuilder(512);
    write(json, out);
    return out.toString();
  }

  /** SHA-256 of the canonical bytes, in hex. */
  public static String sha256(JsonNode json) {
    return sha256(bytes(json));
  }

  /** SHA-256 in hex. */
  public static String sha256(byte[] bytes) {
    return Sha256.hex(bytes);
  }

  /** Whether {@code text} has no half of a surrogate pair. */
  static boolean isWhole(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        i++;
        if (Character.isLowSurrogate(c)
            || i == text.length()
            || !Character.isLowSurrogate(text.charAt(i))) {
          return false;
        }
      }
    }
    return true;
  }

  private static void write(JsonNode json, StringBuilder out) {
    switch (json.getNodeType()) {
      case OBJECT -> object(json, out);
      case ARRAY -> {
        out.append('[');
        for (int i = 0; i < json.size(); i++) {
          if (i > 0) {
            out.append(',');
          }
          write(json.get(i), out);
        }
        out.append(']');
      }
      case STRING -> string(json.textValue(), out);
      case NUMBER -> out.append(CanonicalNumber.of(json));
      case BOOLEAN -> out.append(json.booleanValue());
      case NULL -> out.append("null");
      default -> throw new IllegalArgumentException("no JSON: " + json.getNodeType());
    }
  }

  /** Sorted as RFC 8785, 3.2.3 has it: by UTF-16 code units, as Java compares strings. */
  private static void object(JsonNode json, StringBuilder out) {
    Collection<Map.Entry<String, JsonNode>> entries = json.properties();
    if (!isSorted(entries)) {
      entries = entries.stream().sorted(Map.Entry.comparingByKey()).toList();
    }
    out.append('{');
    int first = out.length();
    for (Map.Entry<String, JsonNode> each : entries) {
      if (out.length() > first) {
        out.append(',');
      }
      string(each.getKey(), out);
      out.append(':');
      write(each.getValue(), out);
    }
    out.append('}');
  }

  private static boolean isSorted(Collection<Map.Entry<String, JsonNode>> entries) {
    String before = "";
    for (Map.Entry<String, JsonNode> each : entries) {
      String key = each.getKey();
      if (before.compareTo(key) > 0) {
        return false;
      }
      before = key;
    }
    return true;
  }

  /** RFC 8785, 3.2.2.2. */
  static void string(String text, StringBuilder out) {
    out.append('"');
    if (isBare(text)) {
      out.append(text).append('"');
      return;
    }
    if (!isWhole(text)) {
      throw new IllegalArgumentException("half of a surrogate pair");
    }
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || c == '"' || c == '\\') {
        out.append(text, from, i).append('\\');
        from = i + 1;
        escape(c, out);
      }
    }
    out.append(text, from, text.length()).append('"');
  }

  /** Whether it is ASCII that needs no escape, as nearly every text is. */
  private static boolean isBare(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || c == '"' || c == '\\' || c >= 0x7f) {
        return false;
      }
    }
    return true;
  }

  private static void escape(char c, StringBuilder out) {
    switch (c) {
      case '\b' -> out.append('b');
      case '\t' -> out.append('t');
      case '\n' -> out.append('n');
      case '\f' -> out.append('f');
      case '\r' -> out.append('r');
      case '"', '\\' -> out.append(c);
      default -> out.append('u').append(HEX.toHexDigits(c));
    }
  }
}
