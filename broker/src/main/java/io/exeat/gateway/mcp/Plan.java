package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Door;
import io.exeat.task.UpstreamEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a message of an agent's comes to. Whatever has no plan is not passed on. */
sealed interface Plan {
  /** A look at what the server offers, or the handshake. */
  record Look(Act act) implements Plan {}

  /**
   * Something that the server does or shows.
   *
   * @param acts each must be permitted
   */
  record Do(List<Act> acts) implements Plan {}

  /**
   * The catalogue maps nothing of this name: it does not exist.
   *
   * @param unknown as the protocol answers it
   * @param recorded the same without a URI, which may hold a secret
   */
  record Hidden(String unknown, String recorded) implements Plan {
    Hidden(String unknown) {
      this(unknown, unknown);
    }
  }

  /** No method that we know. */
  record NoMethod() implements Plan {}

  Set<String> LOOKS =
      Set.of(
          "initialize",
          "ping",
          "server/discover",
          "logging/setLevel",
          "tools/list",
          "resources/list",
          "resources/templates/list",
          "prompts/list");

  /** What 2026-07-28 has no more. */
  Set<String> LEGACY_ONLY =
      Set.of(
          "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe");

  /** What a person answered to a server, with a request that is made again. */
  String RESPONSES = "inputResponses";

  Set<String> NOTICES =
      Set.of(
          "notifications/initialized",
          "notifications/cancelled",
          "notifications/progress",
          "notifications/roots/list_changed");

  /**
   * The plan for a request.
   *
   * @throws io.exeat.gateway.jsonrpc.BadMessage INVALID_PARAMS
   * @throws io.exeat.base.FaultException Malformed for arguments too large to be decided on
   */
  static Plan of(UpstreamEntry entry, Message.Request request, boolean modern) {
    if (modern && LEGACY_ONLY.contains(request.method())) {
      return new NoMethod();
    }
    if (LOOKS.contains(request.method())) {
      return new Look(look(entry, request.method()));
    }
    return switch (request.method()) {
      case "tools/call" -> tool(entry, request);
      case "prompts/get" -> prompt(entry, request, "name");
      case "resources/read", "resources/subscribe", "resources/unsubscribe" ->
          reads(entry, request, List.of(required(request, "uri")));
      case "completion/complete" -> completion(entry, request);
      case "subscriptions/listen" -> listen(entry, request);
      default -> new NoMethod();
    };
  }

  /** The act of looking, or of keeping a session. */
  static Act look(UpstreamEntry entry, String method) {
    ObjectNode arguments = JsonNodeFactory.instance.objectNode().put("method", method);
    return act(Action.READ, entry.offers(), entry.grant(), arguments);
  }

  /** Of a tool or prompt without what it will be given: for {@code foresee} alone. */
  static Act bare(UpstreamEntry.Item item, Action action) {
    return new Act(
        action,
        Optional.of(item.tool()),
        Arguments.NONE,
        Optional.of(item.grant()),
        Optional.empty(),
        Door.MCP);
  }

  private static Plan tool(UpstreamEntry entry, Message.Request request) {
    String name = required(request, "name");
    JsonNode arguments = request.params().path("arguments");
    if (!arguments.isMissingNode() && !arguments.isObject()) {
      throw request.invalid("Invalid params: arguments must be an object");
    }
    UpstreamEntry.Item item = entry.tools().get(name);
    if (item == null) {
      return new Hidden("Unknown tool: " + name);
    }
    return new Do(
        List.of(act(Action.CALL, item.tool(), item.grant(), seen(request, request.arguments()))));
  }

  private static Plan prompt(UpstreamEntry entry, Message.Request request, String key) {
    String name = required(request, key);
    UpstreamEntry.Item item = entry.prompts().get(name);
    return item == null
        ? new Hidden("Unknown prompt: " + name)
        : new Do(
            List.of(
                act(Action.PROMPT, item.tool(), item.grant(), seen(request, request.arguments()))));
  }

  private static Plan reads(UpstreamEntry entry, Message.Request request, List<String> uris) {
    List<Act> acts = new ArrayList<>();
    for (String uri : uris) {
      Optional<UpstreamEntry.Item> item = entry.resource(uri);
      if (item.isEmpty()) {
        return new Hidden("Unknown resource: " + uri, "Unknown resource");
      }
      ObjectNode arguments =
          JsonNodeFactory.instance.objectNode().put("method", request.method()).put("uri", uri);
      acts.add(act(Action.READ, item.get().tool(), item.get().grant(), seen(request, arguments)));
    }
    return new Do(acts);
  }

  private static Plan completion(UpstreamEntry entry, Message.Request request) {
    JsonNode ref = request.params().path("ref");
    String name = ref.path("name").asText();
    String uri = ref.path("uri").asText();
    ObjectNode arguments = JsonNodeFactory.instance.objectNode();
    arguments.set("argument", request.params().path("argument"));
    boolean isPrompt = ref.path("type").asText().equals("ref/prompt");
    Optional<UpstreamEntry.Item> item =
        isPrompt ? Optional.ofNullable(entry.prompts().get(name)) : entry.resource(prefix(uri));
    if (item.isEmpty()) {
      return new Hidden(
          "Unknown reference: " + (isPrompt ? name : uri),
          "Unknown reference" + (isPrompt ? ": " + name : ""));
    }
    Action action = isPrompt ? Action.PROMPT : Action.READ;
    return new Do(
        List.of(act(action, item.get().tool(), item.get().grant(), seen(request, arguments))));
  }

  /** A template stands for what begins as it does. */
  static String prefix(String template) {
    int brace = template.indexOf('{');
    return brace < 0 ? template : template.substring(0, brace);
  }

  private static Plan listen(UpstreamEntry entry, Message.Request request) {
    JsonNode notifications = request.params().path("notifications");
    JsonNode wanted = notifications.path("resourceSubscriptions");
    boolean isList = wanted.isMissingNode() || wanted.isArray();
    if (!notifications.isObject()
        || !isList
        || !wanted.valueStream().allMatch(JsonNode::isTextual)) {
      throw request.invalid(
          "Invalid params: notifications must be an object, resourceSubscriptions a list of URIs");
    }
    List<String> uris = wanted.valueStream().map(JsonNode::textValue).toList();
    if (uris.isEmpty()) {
      return new Look(look(entry, request.method()));
    }
    Plan plan = reads(entry, request, uris);
    if (plan instanceof Do it && it.acts().stream().map(Act::grant).distinct().count() > 1) {
      throw request.invalid("Invalid params: one subscription is for resources of one grant");
    }
    return plan;
  }

  /**
   * With whatever else of the agent's words a server takes in. What a person was asked for may be a
   * secret (2026-07-28, elicitation): of that only the hash is seen, so that other words are
   * another call and the words themselves are on no record.
   */
  private static ObjectNode seen(Message.Request request, ObjectNode arguments) {
    ObjectNode seen = arguments.deepCopy();
    for (String more : List.of(RESPONSES, "context")) {
      String name = "mcp:" + more;
      if (arguments.has(name)) { // it would hide the other, or pass for it
        throw request.invalid("Invalid params: no argument may be called " + name);
      }
      JsonNode said = request.params().path(more);
      if (more.equals(RESPONSES) && !said.isMissingNode()) {
        seen.put(name, CanonicalJson.sha256(said));
      } else if (!said.isMissingNode()) {
        seen.set(name, said);
      }
    }
    return seen;
  }

  private static String required(Message.Request request, String key) {
    return request
        .text(key)
        .orElseThrow(() -> request.invalid("Invalid params: " + key + " must be a text"));
  }

  private static Act act(Action action, String tool, String grant, ObjectNode arguments) {
    return new Act(
        action,
        Optional.of(tool),
        Arguments.of(arguments),
        Optional.of(grant),
        Optional.empty(),
        Door.MCP);
  }
}
