package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.nio.charset.StandardCharsets;
import java.util.function.IntPredicate;

/**
 * The shapes of strings on the wire. A refusal names the field and the allowed range and never
 * repeats the value.
 */
final class Text {

  private static final int NAME_LENGTH = 63;
  private static final int KEY_LENGTH = 128;

  private Text() {}

  static FaultException malformed(String field, String allowed) {
    return new FaultException(new Fault.Malformed(field, allowed));
  }

  /** A catalogue name. */
  static String name(String field, String value) {
    return shaped(
        field,
        value,
        NAME_LENGTH,
        c -> (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-',
        "must be 1 to 63 characters of [a-z0-9-]");
  }

  static String idempotencyKey(String value) {
    return shaped(
        "idempotency_key",
        value,
        KEY_LENGTH,
        c ->
            (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || c == '.'
                || c == '_'
                || c == '-',
        "must be 1 to 128 characters of [A-Za-z0-9._-], chosen by the caller");
  }

  /** ASCII without spaces, as in Vault's lease identifiers. */
  static String token(String field, String value, int most, String allowed) {
    return shaped(field, value, most, c -> c > ' ' && c < 0x7f, allowed);
  }

  private static String shaped(
      String field, String value, int most, IntPredicate allowed, String problem) {
    if (value.isEmpty() || value.length() > most || !value.chars().allMatch(allowed)) {
      throw malformed(field, problem);
    }
    return value;
  }

  /**
   * Free text: at most {@code most} bytes of UTF-8, without what makes a terminal or a reader see
   * another text than the one recorded (control characters but for tab and newline, changes of
   * direction).
   */
  static String free(String field, String value, int most) {
    // A character is at least one byte: what is too long is refused before it is encoded.
    if (value.length() > most || value.getBytes(StandardCharsets.UTF_8).length > most) {
      throw malformed(field, "must be at most %,d bytes of UTF-8".formatted(most));
    }
    if (!value.codePoints().allMatch(Text::shown)) {
      throw malformed(
          field,
          "must be text: no control characters but tab and newline, no changes of writing direction");
    }
    return value;
  }

  private static boolean shown(int c) {
    if (c == '\t' || c == '\n') {
      return true;
    }
    boolean turns = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return !turns && !Character.isISOControl(c);
  }
}
