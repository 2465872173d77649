package io.exeat.gateway.mcp;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.flow.Judged;
import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.DecisionMeta;
import io.exeat.gateway.jsonrpc.ErrorCode;
import java.io.IOException;
import java.util.List;

/** What the gateway itself says. */
final class Replies {
  static final String PROTOCOL_VERSION = "2026-07-28";

  private static final ObjectMapper MAPPER = JsonMapper.builder().build();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private Replies() {}

  static byte[] bytes(JsonNode json) {
    try {
      return MAPPER.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON tree cannot be written", e);
    }
  }

  static byte[] error(BadMessage bad) {
    return error(bad.id(), bad.code(), bad.words());
  }

  static byte[] error(JsonNode id, int code, String message) {
    return bytes(errorNode(id, code, message));
  }

  static ObjectNode errorNode(JsonNode id, int code, String message) {
    ObjectNode json = NODES.objectNode();
    json.put("jsonrpc", "2.0");
    json.set("id", id);
    json.putObject("error").put("code", code).put("message", message);
    return json;
  }

  /** A version that we do not speak. */
  static byte[] unsupported(JsonNode id, String requested) {
    ObjectNode json = errorNode(id, ErrorCode.UNSUPPORTED_VERSION, "Unsupported protocol version");
    ObjectNode data = ((ObjectNode) json.get("error")).putObject("data");
    data.putArray("supported").add(PROTOCOL_VERSION);
    data.put("requested", requested);
    return bytes(json);
  }

  /** What a model sees of a call that was not made: it can act on it. */
  static byte[] refusal(JsonNode id, String why, boolean modern) {
    return refusal(id, why, NODES.objectNode(), modern);
  }

  /** The same of one that was decided on, with what a program needs of the decision. */
  static byte[] refusal(JsonNode id, String why, Judged judged, boolean modern) {
    return refusal(id, why, DecisionMeta.of(judged), modern);
  }

  private static byte[] refusal(JsonNode id, String why, ObjectNode meta, boolean modern) {
    ObjectNode json = NODES.objectNode();
    json.put("jsonrpc", "2.0");
    json.set("id", id);
    ObjectNode result = json.putObject("result");
    result.putArray("content").addObject().put("type", "text").put("text", why);
    result.put("isError", true);
    if (modern) {
      result.put("resultType", "complete");
    }
    if (!meta.isEmpty()) {
      result.set("_meta", meta);
    }
    return bytes(json);
  }

  /** The code of an error of ours; missing for a result. */
  static JsonNode code(byte[] reply) {
    try {
      return MAPPER.readTree(reply).path("error").path("code");
    } catch (IOException e) {
      throw new IllegalStateException("our own reply cannot be read", e);
    }
  }

  /** The HTTP status that 2026-07-28 gives an error. */
  static int status(int code) {
    return code == ErrorCode.METHOD_NOT_FOUND
        ? 404
        : List.of(
                    ErrorCode.PARSE_ERROR,
                    ErrorCode.INVALID_REQUEST,
                    ErrorCode.INVALID_PARAMS,
                    ErrorCode.HEADER_MISMATCH,
                    ErrorCode.UNSUPPORTED_VERSION)
                .contains(code)
            ? 400
            : 200;
  }
}
