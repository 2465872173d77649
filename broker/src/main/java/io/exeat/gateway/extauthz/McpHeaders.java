package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.gateway.jsonrpc.Message;
import java.util.Base64;
import java.util.Optional;

/**
 * What a message says once more in headers (MCP 2026-07-28, "Transports"): whoever reads the body
 * refuses headers that say something else. Nothing is decided on them.
 */
final class McpHeaders {
  /** The first revision that has these headers. */
  private static final String SINCE = "2026-07-28";

  private static final String VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
  private static final String ENCODED = "=?base64?";

  private McpHeaders() {}

  /** What is wrong; empty when nothing is. */
  static Optional<String> problem(HttpAsk asked, Message message) {
    if (!(message instanceof Message.Request request)) {
      return Optional.empty();
    }
    String inBody = request.params().at("/_meta").path(VERSION_KEY).asText("");
    Optional<String> version = asked.header("mcp-protocol-version");
    boolean modern = inBody.compareTo(SINCE) >= 0 || version.orElse("").compareTo(SINCE) >= 0;
    if (!inBody.isEmpty() && !version.orElse(modern ? "" : inBody).equals(inBody)) {
      return Optional.of("MCP-Protocol-Version");
    }
    if (differs(asked.header("mcp-method"), Optional.of(request.method()), modern)) {
      return Optional.of("Mcp-Method");
    }
    return differs(asked.header("mcp-name"), name(request), modern)
        ? Optional.of("Mcp-Name")
        : Optional.empty();
  }

  private static Optional<String> name(Message.Request request) {
    JsonNode name =
        switch (request.method()) {
          case "tools/call", "prompts/get" -> request.params().path("name");
          case "resources/read" -> request.params().path("uri");
          default -> request.params().path("none of these");
        };
    return Optional.ofNullable(name.textValue());
  }

  private static boolean differs(Optional<String> header, Optional<String> body, boolean needed) {
    if (header.isEmpty()) {
      return needed && body.isPresent();
    }
    return body.isPresent() && !decoded(header.get()).equals(body);
  }

  private static Optional<String> decoded(String header) {
    if (!header.startsWith(ENCODED) || !header.endsWith("?=")) {
      return Optional.of(header);
    }
    try {
      String coded = header.substring(ENCODED.length(), header.length() - 2);
      return Optional.of(new String(Base64.getDecoder().decode(coded), UTF_8));
    } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
      return Optional.empty();
    }
  }
}
