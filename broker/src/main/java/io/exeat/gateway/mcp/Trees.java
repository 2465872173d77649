package io.exeat.gateway.mcp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What tool servers say, as trees: numbers stay as they are, a key twice is refused. */
final class Trees {
  private static final int MOST_DEPTH = 200;
  private static final ObjectMapper MAPPER = mapper();

  private Trees() {}

  static JsonNode read(String json) throws JsonProcessingException {
    return MAPPER.readTree(json);
  }

  /**
   * The methods that a message has, read without making a tree of the rest; more than one when it
   * has the key twice, those before the fault when it is no JSON.
   */
  static List<String> methods(String json) {
    List<String> methods = new ArrayList<>();
    try (JsonParser parser = MAPPER.getFactory().createParser(json)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          boolean isMethod = parser.currentName().equals("method");
          if (parser.nextToken() == JsonToken.VALUE_STRING && isMethod) {
            methods.add(parser.getText());
          }
          parser.skipChildren();
        }
      }
    } catch (IOException e) {
      // Whoever has to know reads it whole.
    }
    return methods;
  }

  private static ObjectMapper mapper() {
    ObjectMapper mapper =
        JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();
    mapper
        .getFactory()
        .setStreamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(MOST_DEPTH)
                .maxStringLength(32 << 20)
                .build());
    return mapper;
  }
}
