package io.exeat.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A number is the same argument however it is written, and no other number becomes it. */
final class ArgumentsTest {
  private static final ObjectMapper DOUBLES = new ObjectMapper();
  private static final ObjectMapper EXACT =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  private static JsonNode exact(String json) {
    try {
      return EXACT.readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Arguments amount(String number) {
    return Arguments.of(exact("{\"amount\":" + number + "}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"1000", "1000.0", "1e3", "1E+3", "10.00e2", "100000e-2", "1000.000000000"})
  void aWholeNumberIsOneHoweverItIsWritten(String number) {
    assertThat(amount(number)).isEqualTo(amount("1000"));
    assertThat(amount(number).numbers()).isEqualTo(Map.of("amount", 1_000L));
    assertThat(amount(number).texts()).isEqualTo(Map.of("amount", "1000"));
  }

  @ParameterizedTest
  @CsvSource({
    "9223372036854775807, 9223372036854775807",
    "9223372036854775807.0, 9223372036854775807",
    "-9.223372036854775808e18, -9223372036854775808",
    "-0.0, 0",
    "0e999999999, 0",
  })
  void theEndsOf64BitsAreExact(String number, long value) {
    assertThat(amount(number).numbers()).isEqualTo(Map.of("amount", value));
  }

  @ParameterizedTest
  @CsvSource({
    "9223372036854775808, 9223372036854775808",
    "9223372036854775807.5, 9223372036854775807.5",
    "-9223372036854775809, -9223372036854775809",
    "1000.5, 1000.5",
    "1000.00000000000000000001, 1000.00000000000000000001",
    "1e30, 1e+30",
    "1e999999999, 1e+999999999",
    "1e-999999999, 1e-999999999",
  })
  void whatIsNoWholeNumberOf64BitsIsTextAlone(String number, String text) {
    assertThat(amount(number).numbers()).isEmpty();
    assertThat(amount(number).texts()).isEqualTo(Map.of("amount", text));
  }

  /** Also where both would be one double: a tool may read exactly. */
  @ParameterizedTest
  @CsvSource({
    "9007199254740993, 9007199254740992",
    "9007199254740993.0, 9007199254740992.0",
    "0.1, 0.10000000000000000001",
    "1e400, 1e401",
  })
  void twoNumbersStayTwo(String one, String other) {
    assertThat(amount(one).sha256()).isNotEqualTo(amount(other).sha256());
    assertThat(amount(one).texts()).isNotEqualTo(amount(other).texts());
  }

  /** RFC 8785, appendix B. */
  @ParameterizedTest
  @CsvSource({
    "0000000000000000, 0",
    "8000000000000000, 0",
    "0000000000000001, 5e-324",
    "8000000000000001, -5e-324",
    "7fefffffffffffff, 1.7976931348623157e+308",
    "ffefffffffffffff, -1.7976931348623157e+308",
    "4340000000000000, 9007199254740992",
    "c340000000000000, -9007199254740992",
    "4430000000000000, 295147905179352830000",
    "44b52d02c7e14af5, 9.999999999999997e+22",
    "44b52d02c7e14af6, 1e+23",
    "44b52d02c7e14af7, 1.0000000000000001e+23",
    "444b1ae4d6e2ef4e, 999999999999999700000",
    "444b1ae4d6e2ef4f, 999999999999999900000",
    "444b1ae4d6e2ef50, 1e+21",
    "3eb0c6f7a0b5ed8c, 9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d, 0.000001",
    "41b3de4355555553, 333333333.3333332",
    "41b3de4355555554, 333333333.33333325",
    "41b3de4355555555, 333333333.3333333",
    "41b3de4355555556, 333333333.3333334",
    "41b3de4355555557, 333333333.33333343",
    "becbf647612f3696, -0.0000033333333333333333",
    "43143ff3c1cb0959, 1424953923781206.2",
  })
  void aDoubleIsWrittenAsTheRfcHasIt(String bits, String text) {
    double value = Double.longBitsToDouble(Long.parseUnsignedLong(bits, 16));
    assertThat(CanonicalJson.text(JsonNodeFactory.instance.numberNode(value))).isEqualTo(text);
    assertThat(CanonicalJson.text(exact(text))).isEqualTo(text);
  }

  /** RFC 8785, 3.2.2 and 3.2.3: the sample, its numbers read as doubles. */
  @Test
  void theSampleOfTheRfcIsWrittenAsTheRfcHasIt() throws IOException {
    String sample =
        """
        {
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
          "literals": [null, true, false]
        }
        """;
    assertThat(CanonicalJson.text(DOUBLES.readTree(sample)))
        .isEqualTo(
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                + "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    String keys =
        "{\"\u20ac\":1,\"\\r\":2,\"\ufb33\":3,\"1\":4,\"\ud83d\ude00\":5,\"\u0080\":6,\"\u00f6\":7}";
    assertThat(CanonicalJson.text(DOUBLES.readTree(keys)))
        .isEqualTo(
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\ud83d\ude00\":5,\"\ufb33\":3}");
  }

  @Test
  void halfASurrogatePairHasNoBytes() {
    JsonNode half = JsonNodeFactory.instance.textNode("a\ud800");
    assertThatThrownBy(() -> CanonicalJson.bytes(half))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Arguments.of(JsonNodeFactory.instance.objectNode().set("a", half)))
        .hasMessageContaining("surrogate");
  }
}
