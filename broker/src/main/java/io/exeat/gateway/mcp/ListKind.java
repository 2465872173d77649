package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.Action;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a server lists, and of which it says that the list is another one now: {@code
 * notifications/<key>/list_changed}.
 */
enum ListKind {
  TOOLS("tools", Action.CALL),
  PROMPTS("prompts", Action.PROMPT),
  RESOURCES("resources", Action.READ);

  private static final String LIST_CHANGED = "listChanged";
  private static final String SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

  /** As capabilities and methods have it. */
  private final String key;

  /** As {@code subscriptions/listen} and its acknowledgment have it. */
  private final String filter;

  private final Action use;

  ListKind(String key, Action use) {
    this.key = key;
    this.use = use;
    this.filter = key + "ListChanged";
  }

  /** What a task does with one of them. */
  Action use() {
    return use;
  }

  /** What a method lists, templates with what they are templates of; empty for any other one. */
  static Optional<ListKind> listedBy(String method) {
    return switch (method) {
      case "tools/list" -> Optional.of(TOOLS);
      case "prompts/list" -> Optional.of(PROMPTS);
      case "resources/list", "resources/templates/list" -> Optional.of(RESOURCES);
      default -> Optional.empty();
    };
  }

  /**
   * Has the result of {@code initialize} or {@code server/discover} say that we tell of changes,
   * for policy changes lists: of what the server has, and of nothing else.
   *
   * @return what the server has
   */
  static Set<ListKind> declare(ObjectNode result) {
    Set<ListKind> offered = EnumSet.noneOf(ListKind.class);
    for (ListKind kind : values()) {
      if (result.path("capabilities").path(kind.key) instanceof ObjectNode capability) {
        capability.put(LIST_CHANGED, true);
        offered.add(kind);
      }
    }
    return offered;
  }

  /** What a subscription's filter asks for. */
  static Set<ListKind> in(JsonNode notifications) {
    Set<ListKind> kinds = EnumSet.noneOf(ListKind.class);
    for (ListKind kind : values()) {
      if (notifications.path(kind.filter).booleanValue()) {
        kinds.add(kind);
      }
    }
    return kinds;
  }

  /** Puts these into a subscription's filter. */
  static void put(Set<ListKind> kinds, ObjectNode notifications) {
    kinds.forEach(kind -> notifications.put(kind.filter, true));
  }

  static Set<ListKind> all() {
    return Collections.unmodifiableSet(EnumSet.allOf(ListKind.class));
  }

  /**
   * Says that the list is another one now. Without an id, so that a client goes on behind the
   * server's events.
   *
   * @param subscription the id of the {@code subscriptions/listen} that it is for (2026-07-28)
   */
  Event changed(Optional<JsonNode> subscription) {
    return notice("notifications/" + key + "/list_changed", subscription, Optional.empty());
  }

  /** The first that a subscription says (2026-07-28): what of the filter it is for. */
  static Event acknowledged(JsonNode subscription, Set<ListKind> kinds) {
    ObjectNode notifications = JsonNodeFactory.instance.objectNode();
    put(kinds, notifications);
    return notice(Subscribed.ACKNOWLEDGED, Optional.of(subscription), Optional.of(notifications));
  }

  private static Event notice(
      String method, Optional<JsonNode> subscription, Optional<ObjectNode> notifications) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("jsonrpc", "2.0").put("method", method);
    subscription.ifPresent(id -> {
      ObjectNode params = json.putObject("params");
      params.putObject("_meta").set(SUBSCRIPTION, id);
      notifications.ifPresent(it -> params.set("notifications", it));
    });
    return Event.message(Replies.bytes(json));
  }
}
