package io.exeat.gateway.extauthz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.FaultException;
import io.exeat.gateway.jsonrpc.ErrorCode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.Door;
import io.exeat.task.UpstreamEntry;
import java.util.Optional;
import java.util.Set;

/** What a message to an MCP server asks for. What is not known here does not go on. */
sealed interface McpAct {
  /** Something is done: decided, recorded, and part of what the task did. */
  record Done(Act act, boolean isTool) implements McpAct {}

  /** Only what comes before that: decided and recorded. */
  record Looked(Act act) implements McpAct {}

  /**
   * Nothing that the catalogue maps, or nothing that is understood.
   *
   * @param http the status of the answer
   * @param code of JSON-RPC's error
   */
  record None(int http, int code, String text) implements McpAct {}

  /** The shown part of a name that is not known. */
  int SHOWN = 128;

  Set<String> LOOKS =
      Set.of(
          "initialize",
          "ping",
          "server/discover",
          "tools/list",
          "prompts/list",
          "resources/list",
          "resources/templates/list",
          "logging/setLevel");

  Set<String> NOTIFICATIONS =
      Set.of(
          "notifications/initialized",
          "notifications/cancelled",
          "notifications/progress",
          "notifications/roots/list_changed");

  /** What {@code message} asks of {@code upstream}. */
  static McpAct of(UpstreamEntry upstream, Message message) {
    return switch (message) {
      case Message.Request it -> of(upstream, it);
      case Message.Notification it ->
          NOTIFICATIONS.contains(it.method())
              ? look(upstream)
              : new None(403, ErrorCode.METHOD_NOT_FOUND, "no such notification");
      case Message.Response _ -> look(upstream);
    };
  }

  private static McpAct of(UpstreamEntry upstream, Message.Request request) {
    if (LOOKS.contains(request.method())) {
      return look(upstream);
    }
    try {
      return switch (request.method()) {
        case "tools/call" -> tool(upstream, request.params());
        case "resources/read" -> resource(upstream, request.params());
        case "prompts/get" -> prompt(upstream, request.params());
        default -> new None(404, ErrorCode.METHOD_NOT_FOUND, "Method not found");
      };
    } catch (FaultException e) {
      return new None(400, ErrorCode.INVALID_PARAMS, Answers.text(e.fault()));
    }
  }

  /** The handshake, and lists of what there is. */
  static Looked look(UpstreamEntry upstream) {
    return new Looked(
        new Act(
            Action.READ,
            Optional.of(upstream.offers()),
            Arguments.NONE,
            Optional.of(upstream.grant()),
            Optional.empty(),
            Door.EXTAUTHZ));
  }

  private static McpAct tool(UpstreamEntry upstream, ObjectNode params) {
    String name = params.path("name").asText("");
    UpstreamEntry.Item item = upstream.tools().get(name);
    JsonNode arguments = params.path("arguments");
    if (item == null || !params.path("name").isTextual()) {
      return unknown("Unknown tool: ", name);
    }
    if (!arguments.isMissingNode() && !arguments.isObject()) {
      return new None(400, ErrorCode.INVALID_PARAMS, "arguments must be an object");
    }
    return new Done(
        act(
            Action.CALL,
            item,
            arguments.isMissingNode() ? Arguments.NONE : Arguments.of(arguments)),
        true);
  }

  private static McpAct resource(UpstreamEntry upstream, ObjectNode params) {
    String uri = params.path("uri").asText("");
    ObjectNode shown = params.objectNode().put("uri", uri);
    return upstream
        .resource(uri)
        .filter(item -> params.path("uri").isTextual())
        .<McpAct>map(item -> new Done(act(Action.READ, item, Arguments.of(shown)), false))
        .orElseGet(() -> unknown("Resource not found: ", uri));
  }

  private static McpAct prompt(UpstreamEntry upstream, ObjectNode params) {
    String name = params.path("name").asText("");
    UpstreamEntry.Item item = upstream.prompts().get(name);
    JsonNode arguments = params.path("arguments");
    if (item == null || !params.path("name").isTextual()) {
      return unknown("Unknown prompt: ", name);
    }
    return new Done(
        act(
            Action.PROMPT,
            item,
            arguments.isMissingNode() ? Arguments.NONE : Arguments.of(arguments)),
        false);
  }

  private static None unknown(String what, String name) {
    String shown =
        name.codePoints()
            .limit(SHOWN)
            .filter(c -> !Character.isISOControl(c))
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
    return new None(200, ErrorCode.INVALID_PARAMS, what + shown);
  }

  /** A use of what the catalogue maps. */
  static Act act(Action action, UpstreamEntry.Item item, Arguments arguments) {
    return new Act(
        action,
        Optional.of(item.tool()),
        arguments,
        Optional.of(item.grant()),
        Optional.empty(),
        Door.EXTAUTHZ);
  }
}
