package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.gateway.jsonrpc.Message;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The headers {@code Mcp-Param-*} of a tool whose input schema asks for them ({@code
 * x-mcp-header}): each says what its argument says, and is there exactly when that is.
 */
final class ParamHeaders {
  private static final String KEY = "x-mcp-header";
  private static final Set<String> TYPES = Set.of("string", "integer", "boolean");
  private static final int MOST_DEPTH = 32;

  private ParamHeaders() {}

  /** A header of the schema and the argument that it repeats. */
  private record Asked(String type, JsonNode argument) {}

  /**
   * @param schema of the tool's arguments
   * @throws io.exeat.gateway.jsonrpc.BadMessage HEADER_MISMATCH
   */
  static void check(Headers headers, Message.Request request, JsonNode schema) {
    Map<String, Asked> asked = new HashMap<>();
    collect(schema, request.arguments(), 0, asked);
    asked.forEach((header, each) -> {
      Optional<String> raw = headers.one(header);
      boolean there = !each.argument().isMissingNode() && !each.argument().isNull();
      boolean said = raw.flatMap(ModernRules::decoded).filter(it -> same(each, it)).isPresent();
      boolean mirrored = there && each.argument().isValueNode();
      if (raw.isPresent() != mirrored || (mirrored && !said)) {
        throw ModernRules.mismatch(request, header, "argument");
      }
    });
  }

  private static void collect(
      JsonNode schema, JsonNode value, int depth, Map<String, Asked> asked) {
    if (depth > MOST_DEPTH) {
      return;
    }
    for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
      JsonNode at = property.getValue();
      JsonNode argument = value.path(property.getKey());
      String type = at.path("type").asText();
      if (at.path(KEY).isTextual() && TYPES.contains(type)) {
        String header = Headers.PARAM + at.path(KEY).textValue().toLowerCase(Locale.ROOT);
        asked.put(header, new Asked(type, argument));
      }
      collect(at, argument, depth + 1, asked);
    }
  }

  private static boolean same(Asked asked, String said) {
    if (asked.type().equals("integer") && asked.argument().isNumber()) {
      return isPlainNumber(said)
          && new BigDecimal(said).compareTo(asked.argument().decimalValue()) == 0;
    }
    return asked.argument().asText().equals(said);
  }

  private static boolean isPlainNumber(String text) {
    return text.length() < 100 && text.matches("-?[0-9]+(\\.[0-9]+)?");
  }
}
