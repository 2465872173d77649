package io.exeat.audit.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import org.jspecify.annotations.Nullable;

/** JSON as a line of the chain has it: ASCII alone, and nothing that a reader of logs acts on. */
final class LineJson {
  private LineJson() {}

  /** Whether JSON that has JSON's own escapes needs no other to stand in a line. */
  static boolean isPlain(String json) {
    for (int i = 0; i < json.length(); i++) {
      char c = json.charAt(i);
      if (c < ' ' || c >= 0x7f || c == '$') {
        return false;
      }
    }
    return true;
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
