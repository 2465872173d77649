package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.gateway.jsonrpc.Words;
import java.util.Iterator;

/**
 * An argument that is none of the tool's, but looks like one in other letters, is refused: a server
 * that reads without regard to case takes it for that one, and policy has seen another.
 */
final class ArgumentNames {
  private ArgumentNames() {}

  /**
   * @param schema of the tool's arguments
   * @throws io.exeat.gateway.jsonrpc.BadMessage INVALID_PARAMS
   */
  static void check(Message.Request request, JsonNode schema) {
    JsonNode properties = schema.path("properties");
    for (Iterator<String> given = request.arguments().fieldNames(); given.hasNext(); ) {
      String name = given.next();
      if (properties.has(name)) {
        continue;
      }
      for (Iterator<String> known = properties.fieldNames(); known.hasNext(); ) {
        if (Words.looksLike(name, known.next())) {
          throw request.invalid(
              "Invalid params: an argument differs from the tool's in case alone");
        }
      }
    }
  }
}
