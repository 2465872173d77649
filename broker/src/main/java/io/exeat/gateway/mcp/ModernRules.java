package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.ErrorCode;
import io.exeat.gateway.jsonrpc.Message;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What MCP 2026-07-28 demands of a request: its headers say what its body says (basic/transports,
 * Streamable HTTP). Everybody on the way may go by the headers, so a difference is refused.
 */
final class ModernRules {
  static final String VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
  private static final String CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities";

  /** Revisions with sessions; there, headers are not compared. */
  private static final Set<String> LEGACY =
      Set.of("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25");

  /** The parameter that {@code Mcp-Name} repeats. */
  private static final Map<String, String> NAMED =
      Map.of("tools/call", "name", "prompts/get", "name", "resources/read", "uri");

  private static final String SENTINEL = "=?base64?";

  private ModernRules() {}

  /** Whether the message is to be taken as one without sessions. */
  static boolean isModern(Headers headers, Message message) {
    if (message instanceof Message.Request request
        && request.params().path("_meta").has(VERSION_KEY)) {
      return true;
    }
    return headers.one(Headers.VERSION).map(it -> !LEGACY.contains(it)).orElse(false);
  }

  /** A revision that is neither legacy nor ours, if the request asks for one. */
  static Optional<String> unsupported(Message.Request request) {
    return Optional.of(request.params().path("_meta").path(VERSION_KEY).asText())
        .filter(it -> !it.equals(Replies.PROTOCOL_VERSION));
  }

  /**
   * @throws BadMessage INVALID_PARAMS for what {@code _meta} lacks, HEADER_MISMATCH
   */
  static void check(Headers headers, Message.Request request) {
    JsonNode meta = request.params().path("_meta");
    Set<String> missing = new TreeSet<>(Set.of(VERSION_KEY, CAPABILITIES_KEY));
    missing.removeIf(meta::has);
    if (!missing.isEmpty()) {
      throw request.invalid("Invalid params: params._meta lacks " + String.join(" and ", missing));
    }
    JsonNode version = meta.get(VERSION_KEY);
    Optional<String> said = headers.one(Headers.VERSION);
    if (said.isEmpty() || !version.isTextual() || !said.get().equals(version.textValue())) {
      throw mismatch(request, Headers.VERSION, "_meta's protocol version");
    }
    if (!headers.one(Headers.METHOD).equals(Optional.of(request.method()))) {
      throw mismatch(request, Headers.METHOD, "method");
    }
    String parameter = NAMED.get(request.method());
    if (parameter != null) {
      Optional<String> name = headers.one(Headers.NAME).flatMap(ModernRules::decoded);
      if (request.params().has(parameter) && !name.equals(request.text(parameter))) {
        throw mismatch(request, Headers.NAME, parameter);
      }
    }
  }

  static BadMessage mismatch(Message.Request request, String header, String what) {
    return new BadMessage(
        ErrorCode.HEADER_MISMATCH,
        request.id(),
        header + " header does not match the request body's " + what);
  }

  /** What a header's value stands for; empty for a base64 form that is none. */
  static Optional<String> decoded(String value) {
    if (!value.startsWith(SENTINEL) || !value.endsWith("?=")) {
      return Optional.of(value);
    }
    String inner =
        value.substring(SENTINEL.length(), Math.max(SENTINEL.length(), value.length() - 2));
    try {
      byte[] bytes = Base64.getDecoder().decode(inner);
      if (!Base64.getEncoder().encodeToString(bytes).equals(inner)) {
        return Optional.empty();
      }
      return Optional.of(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (IllegalArgumentException | CharacterCodingException e) {
      return Optional.empty();
    }
  }
}
