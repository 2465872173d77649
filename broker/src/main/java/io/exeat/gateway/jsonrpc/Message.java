package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.TreeSet;

/**
 * One JSON-RPC 2.0 message of an agent's, with the bytes to be passed on: exactly what is judged,
 * written anew.
 */
public sealed interface Message {
  /** To be passed on: one line. */
  String json();

  /** {@link #json} in UTF-8. */
  default byte[] bytes() {
    return json().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * To be answered.
   *
   * @param id a text or a whole number
   * @param params empty when there are none
   */
  record Request(JsonNode id, String method, ObjectNode params, String json) implements Message {
    /** A text of {@code params}; empty when it is absent or something else. */
    public Optional<String> text(String name) {
      return Message.text(params, name);
    }

    /** What a tool is given ({@code params.arguments}); empty when it is nothing or no object. */
    public ObjectNode arguments() {
      return params.path("arguments") instanceof ObjectNode given
          ? given
          : JsonNodeFactory.instance.objectNode();
    }

    /** A request of params that an agent got wrong. */
    public BadMessage invalid(String why) {
      return new BadMessage(ErrorCode.INVALID_PARAMS, id, why);
    }
  }

  /** Not to be answered. */
  record Notification(String method, ObjectNode params, String json) implements Message {}

  /** The answer to a server's request. */
  record Response(JsonNode id, String json) implements Message {}

  /**
   * The one message in {@code body}.
   *
   * @throws BadMessage PARSE_ERROR, INVALID_REQUEST (an array of them, too)
   */
  static Message of(byte[] body) {
    StrictJson.Read read = StrictJson.read(body);
    if (!(read.tree() instanceof ObjectNode json)) {
      throw new BadMessage(
          ErrorCode.INVALID_REQUEST, "Invalid Request: one JSON object is taken, no batch");
    }
    JsonNode id = json.path("id");
    if (!json.path("jsonrpc").asText().equals("2.0") || !json.path("jsonrpc").isTextual()) {
      throw invalid(id, "jsonrpc must be \"2.0\"");
    }
    checkKeys(json, id);
    boolean named = json.has("id");
    if (named && !isId(id)) {
      throw invalid(NullNode.getInstance(), "id must be a text or a whole number");
    }
    if (!json.has("method")) {
      return response(json, id, named, read.json());
    }
    if (!json.get("method").isTextual() || json.has("result") || json.has("error")) {
      throw invalid(id, "method must be a text, without result or error beside it");
    }
    ObjectNode params = params(json, id);
    String method = json.get("method").textValue();
    return named
        ? new Request(id, method, params, read.json())
        : new Notification(method, params, read.json());
  }

  private static Message response(ObjectNode json, JsonNode id, boolean named, String written) {
    if (!named || json.has("result") == json.has("error") || json.has("params")) {
      throw invalid(id, "there is no method, and it is no response either");
    }
    return new Response(id, written);
  }

  private static ObjectNode params(ObjectNode json, JsonNode id) {
    if (!json.has("params")) {
      return JsonNodeFactory.instance.objectNode();
    }
    if (!(json.get("params") instanceof ObjectNode params)) {
      throw invalid(id, "params must be an object");
    }
    if (!Words.areClear(params)) {
      throw invalid(id, "params has keys that differ in case alone");
    }
    return params;
  }

  private static void checkKeys(ObjectNode json, JsonNode id) {
    json.fieldNames()
        .forEachRemaining(key -> {
          if (!Words.ENVELOPE.contains(key)) {
            throw invalid(id, "there is a key beside " + new TreeSet<>(Words.ENVELOPE));
          }
        });
  }

  private static boolean isId(JsonNode id) {
    return (id.isTextual() || id.isIntegralNumber()) && id.asText().length() <= Words.LONGEST_ID;
  }

  private static Optional<String> text(ObjectNode params, String name) {
    return Optional.of(params.path(name)).filter(JsonNode::isTextual).map(JsonNode::textValue);
  }

  private static BadMessage invalid(JsonNode id, String why) {
    return new BadMessage(
        ErrorCode.INVALID_REQUEST,
        isId(id) ? id : NullNode.getInstance(),
        "Invalid Request: " + why);
  }
}
