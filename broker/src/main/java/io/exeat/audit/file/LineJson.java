package io.exeat.audit.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * JSON as a line of the chain has it: ASCII alone, nothing that a reader of logs acts on, each text
 * cut to a bound.
 */
final class LineJson {
  /** Characters of one text; what is cut says how much was. */
  private static final int MOST_TEXT = 1000;

  private LineJson() {}

  /**
   * Whether JSON that has JSON's own escapes needs no other to stand in a line. Of bytes: to call
   * for each character of a text took half of the time that a line takes, where the compiler leaves
   * the calls.
   */
  static boolean isPlain(byte[] utf8) {
    for (byte each : utf8) {
      if (each < ' ' || each == 0x7f || each == '$') { // what is no ASCII is negative
        return false;
      }
    }
    return true;
  }

  /** Writes a text as a value, cut to its bound, with every escape that it needs. */
  static void text(JsonGenerator json, String text) throws IOException {
    if (text.length() <= MOST_TEXT) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      if (isPlain(utf8)) {
        json.writeUTF8String(utf8, 0, utf8.length);
        return;
      }
    }
    json.writeString(cut(text));
  }

  /** Not longer than the bound, and without halves of surrogate pairs, which are no UTF-8. */
  static String cut(String text) {
    String cut =
        text.length() <= MOST_TEXT
            ? text
            : text.substring(0, MOST_TEXT) + "... (" + text.length() + " characters)";
    return new String(cut.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
  }

  /** Beside JSON's own: DEL, and the dollar, which begins look-ups in some log readers. */
  static JsonFactory factory() {
    int[] escapes = CharacterEscapes.standardAsciiEscapesForJSON();
    escapes[0x7f] = CharacterEscapes.ESCAPE_STANDARD;
    escapes['$'] = CharacterEscapes.ESCAPE_STANDARD;
    CharacterEscapes all =
        new CharacterEscapes() {
          private static final long serialVersionUID = 1L;

          @Override
          public int[] getEscapeCodesForAscii() {
            return escapes.clone();
          }

          @Override
          public @Nullable SerializableString getEscapeSequence(int ch) {
            return null;
          }
        };
    return new JsonFactoryBuilder()
        .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
        .characterEscapes(all)
        .build();
  }
}
