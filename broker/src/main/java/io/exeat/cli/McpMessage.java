package io.exeat.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What an MCP client says in one line, as far as HTTP's headers must repeat it. */
record McpMessage(JsonNode json) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String VERSION = "io.modelcontextprotocol/protocolVersion";

  /** Empty when it is no JSON object. */
  static Optional<McpMessage> read(String line) {
    try {
      JsonNode json = JSON.readTree(line);
      return json != null && json.isObject() ? Optional.of(new McpMessage(json)) : Optional.empty();
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  /** Such as tools/call; empty for an answer. */
  String method() {
    return json.path("method").asText("");
  }

  /** Whether somebody waits for an answer to it. */
  boolean isRequest() {
    return json.has("method") && json.has("id");
  }

  /** Absent for a notification. */
  JsonNode id() {
    return json.path("id");
  }

  /** Of a client that names it with every request; empty for one of before 2026-07-28. */
  Optional<String> version() {
    return Optional.of(json.path("params").path("_meta").path(VERSION).asText(""))
        .filter(it -> !it.isEmpty());
  }

  /**
   * The headers of this message (specification 2026-07-28, Streamable HTTP, request headers).
   *
   * @param mirrored header by argument, as the called tool's schema wants them
   */
  Map<String, String> headers(Map<String, String> mirrored) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Mcp-Method", method());
    JsonNode params = json.path("params");
    String name =
        switch (method()) {
          case "tools/call", "prompts/get" -> params.path("name").asText("");
          case "resources/read" -> params.path("uri").asText("");
          case "tasks/get", "tasks/update", "tasks/cancel" -> params.path("taskId").asText("");
          default -> "";
        };
    if (!name.isEmpty()) {
      headers.put("Mcp-Name", value(name));
    }
    mirrored.forEach((argument, header) -> {
      JsonNode given = params.path("arguments").path(argument);
      if (given.isValueNode() && !given.isNull()) {
        headers.put("Mcp-Param-" + header, value(given.asText()));
      }
    });
    return headers;
  }

  /** As it is where a header can hold it so, else in the specification's base64. */
  private static String value(String text) {
    boolean plain =
        text.chars().allMatch(it -> it >= 0x20 && it < 0x7f)
            && text.equals(text.strip())
            && !text.startsWith("=?base64?");
    return plain
        ? text
        : "=?base64?"
            + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8))
            + "?=";
  }

  /** The same message with no line's end in it. */
  String line() {
    return json.toString();
  }

  /** An answer of ours, because there is none of the server's. */
  static String error(JsonNode id, int code, String message) {
    ObjectNode answer = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
    answer.set("id", id.isValueNode() ? id : JsonNodeFactory.instance.nullNode());
    answer.putObject("error").put("code", code).put("message", message);
    return answer.toString();
  }

  /** For a tool in a tools/list, the header of each argument that has one. */
  static Map<String, Map<String, String>> mirrored(JsonNode answer) {
    Map<String, Map<String, String>> found = new LinkedHashMap<>();
    for (JsonNode tool : answer.path("result").path("tools")) {
      Map<String, String> headers = new LinkedHashMap<>();
      tool.path("inputSchema")
          .path("properties")
          .properties()
          .forEach(each -> {
            String header = each.getValue().path("x-mcp-header").asText("");
            if (header.matches("[A-Za-z0-9-]{1,64}")) {
              headers.put(each.getKey(), header);
            }
          });
      if (!headers.isEmpty()) {
        found.put(tool.path("name").asText(), headers);
      }
    }
    return found;
  }
}
