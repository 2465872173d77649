package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.Peer;
import io.exeat.base.TaskId;
import io.exeat.flow.ProxyRequests;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Decision;
import io.exeat.task.UpstreamEntry;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Lists as the task may see them: what policy would deny is not in them, in the order in which the
 * server has the rest, page for page. Nobody but the caller may keep one.
 */
final class Listing {
  /** Which list a method gives, and where in its result it stands. */
  private static final Map<String, String> KEYS =
      Map.of(
          "tools/list", "tools",
          "prompts/list", "prompts",
          "resources/list", "resources",
          "resources/templates/list", "resourceTemplates");

  private final ProxyRequests flow;
  private final Definitions definitions;

  Listing(ProxyRequests flow, Definitions definitions) {
    this.flow = flow;
    this.definitions = definitions;
  }

  /** Who lists. */
  record Viewer(Peer peer, TaskId task, Definitions.Place place, boolean modern) {}

  static boolean isList(String method) {
    return KEYS.containsKey(method);
  }

  /** What becomes of a result of {@code method} on its way. */
  static Shaper.Results results(String method, boolean modern) {
    if (isGreeting(method, modern) && !modern) {
      return Shaper.Results.CHANGED_IF_READ;
    }
    return isList(method) || isGreeting(method, modern)
        ? Shaper.Results.CHANGED
        : Shaper.Results.KEPT;
  }

  /** Whether its result says what the server has. */
  static boolean isGreeting(String method, boolean modern) {
    return method.equals(modern ? "server/discover" : "initialize");
  }

  /**
   * The result without what the viewer may not see.
   *
   * @param first whether it is the first page
   */
  ObjectNode shown(
      UpstreamEntry entry, Viewer viewer, String method, ObjectNode result, boolean first) {
    String key = KEYS.get(method);
    if (key != null && result.path(key) instanceof ArrayNode items) {
      if (key.equals("tools")) {
        definitions.saw(viewer.place(), items, first, !result.path("nextCursor").isTextual());
      }
      result.set(key, visible(entry, viewer, key, use(method), items));
    }
    if (viewer.modern()) {
      result.put("cacheScope", "private");
      result.put("ttlMs", 0);
    }
    return result;
  }

  /**
   * What of one kind the viewer may see now, as a hash. Of tools without pins and of all else that
   * is what the catalogue maps, be it at the server or not.
   *
   * @return empty when it cannot be told: policy does not answer, nobody knows who the viewer is
   *     just now, or pins count and not all tools are known
   */
  Optional<String> seen(UpstreamEntry entry, Viewer viewer, ListKind kind) {
    Map<String, UpstreamEntry.Item> mapped = mapped(entry, viewer, kind);
    if (kind == ListKind.TOOLS && entry.pinned() && definitions.known(viewer.place()).isEmpty()) {
      return Optional.empty();
    }
    List<Act> acts = mapped.values().stream().map(item -> Plan.bare(item, kind.use())).toList();
    return flow.foreseeUnasked(viewer.peer(), viewer.task(), acts)
        .filter(said -> said.stream().noneMatch(Decision.Failed.class::isInstance))
        .map(said -> sha256(kind, mapped.keySet(), said));
  }

  private static String sha256(ListKind kind, Set<String> names, List<Decision> said) {
    ObjectNode seen = JsonNodeFactory.instance.objectNode();
    Iterator<Decision> each = said.iterator();
    for (String name : names) {
      boolean visible = isVisible(each.next());
      if (visible || kind == ListKind.RESOURCES) { // one rule's URIs may be another rule's too
        seen.put(name, visible);
      }
    }
    return CanonicalJson.sha256(seen);
  }

  /** What the catalogue maps and pins let be, by what it is known by. */
  private Map<String, UpstreamEntry.Item> mapped(
      UpstreamEntry entry, Viewer viewer, ListKind kind) {
    Map<String, UpstreamEntry.Item> mapped = new TreeMap<>();
    switch (kind) {
      case PROMPTS -> mapped.putAll(entry.prompts());
      case RESOURCES ->
          entry.resources().values().forEach(each -> mapped.put(each.uri(), each.item()));
      case TOOLS ->
          entry
              .tools()
              .forEach((name, item) -> {
                var seen = definitions.at(viewer.place(), name);
                if (!entry.pinned()) {
                  mapped.put(name, item);
                } else if (definitions.isApproved(entry, name, seen)) {
                  mapped.put(name + " " + item.pin().orElse(""), item);
                }
              });
    }
    return mapped;
  }

  private static Action use(String method) {
    return ListKind.listedBy(method).orElseThrow().use();
  }

  private ArrayNode visible(
      UpstreamEntry entry, Viewer viewer, String key, Action use, ArrayNode items) {
    List<JsonNode> mapped = new ArrayList<>();
    List<UpstreamEntry.Item> as = new ArrayList<>();
    for (JsonNode each : items) {
      Optional<UpstreamEntry.Item> item = item(entry, viewer, key, each);
      if (item.isPresent()) {
        mapped.add(each);
        as.add(item.get());
      }
    }
    List<Decision> said =
        flow.foresee(
            viewer.peer(), viewer.task(), as.stream().map(item -> Plan.bare(item, use)).toList());
    ArrayNode visible = JsonNodeFactory.instance.arrayNode();
    for (int i = 0; i < mapped.size(); i++) {
      if (isVisible(said.get(i))) {
        visible.add(mapped.get(i));
      }
    }
    return visible;
  }

  private Optional<UpstreamEntry.Item> item(
      UpstreamEntry entry, Viewer viewer, String key, JsonNode each) {
    Function<String, String> text = name -> each.path(name).asText();
    return switch (key) {
      case "tools" -> {
        String name = text.apply("name");
        Optional<Definitions.Definition> seen = definitions.at(viewer.place(), name);
        yield definitions.isApproved(entry, name, seen)
            ? Optional.ofNullable(entry.tools().get(name))
            : Optional.empty();
      }
      case "prompts" -> Optional.ofNullable(entry.prompts().get(text.apply("name")));
      case "resources" -> entry.resource(text.apply("uri"));
      default -> entry.resource(Plan.prefix(text.apply("uriTemplate")));
    };
  }

  /** Whether the task may know of something of which this was said. */
  static boolean isVisible(Decision decision) {
    return switch (decision) {
      case Decision.Permit _, Decision.Ask _ -> true;
      case Decision.Deny _, Decision.Failed _ -> false;
    };
  }
}
