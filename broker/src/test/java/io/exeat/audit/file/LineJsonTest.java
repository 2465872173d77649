package io.exeat.audit.file;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LineJsonTest {
  private static final JsonFactory JSON = LineJson.factory();
  private static final ObjectMapper READER = new ObjectMapper();

  /** Characters that JSON, a line or a reader of logs treats in a way of its own, and others. */
  private static final String ODD =
      "a~ \"\\/$\u007f\b\t\n\r\u0000\u001f\u0080é\u2028\uffff\ud83d\ude00";

  @Test
  void textsAreAsJacksonWritesThem() throws IOException {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      String text = text(random, random.nextInt(12));
      assertThat(line(json -> LineJson.text(json, text)))
          .isEqualTo(line(json -> json.writeString(text)));
    }
  }

  @Test
  void aTextIsReadBackAsItWas() throws IOException {
    Random random = new Random(8);
    for (int i = 0; i < 2_000; i++) {
      String text = text(random, 500);
      String line = line(json -> LineJson.text(json, text));
      assertThat(line).matches("[ -~&&[^$]]*");
      assertThat(READER.readTree(line).get("text").textValue()).isEqualTo(text);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "plain", "{\"a\":\"\\\\\"}", " ~"})
  void whatNeedsNoEscapeOfItsOwnIsPlain(String json) {
    assertThat(LineJson.isPlain(json.getBytes(StandardCharsets.UTF_8))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"$", "a\u007f", "\u001f", "\n", "é", "\u0080", "\u2028", "\ud83d\ude00"})
  void whatActsOnReadersIsNot(String json) {
    assertThat(LineJson.isPlain(json.getBytes(StandardCharsets.UTF_8))).isFalse();
  }

  private static String text(Random random, int length) {
    int[] odd = ODD.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.appendCodePoint(
          random.nextInt(4) > 0 ? ' ' + 1 + random.nextInt(94) : odd[random.nextInt(odd.length)]);
    }
    return text.toString();
  }

  private interface Value {
    void write(JsonGenerator json) throws IOException;
  }

  private static String line(Value value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      json.writeFieldName("text");
      value.write(json);
      json.writeEndObject();
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
