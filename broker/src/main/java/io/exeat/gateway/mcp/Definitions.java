package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.exeat.base.Time;
import io.exeat.policy.CanonicalJson;
import io.exeat.task.UpstreamEntry;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What servers say of their tools. A tool is there while its definition, as last seen, is the one
 * that the catalogue pins; a new one or a changed one is not. The model reads definitions, so who
 * changes one speaks to the model.
 */
final class Definitions {
  private static final Logger LOG = LoggerFactory.getLogger(Definitions.class);
  private static final Duration KEPT = Duration.ofMinutes(1);
  private static final int MOST_PLACES = 2_000;
  private static final int MOST_PENDING = 100;
  private static final String SEVERAL = "several definitions";

  private final Time time;
  private final Map<Place, Seen> seen = new LinkedHashMap<>();
  private final Map<String, String> pending = new TreeMap<>();

  Definitions(Time time) {
    this.time = time;
  }

  /**
   * Where a list was seen: servers may show others something else.
   *
   * @param whom the session, or else the task
   */
  record Place(String upstream, String whom) {}

  /**
   * @param sha256 of the canonical JSON, in hex
   * @param schema of its arguments
   */
  record Definition(String sha256, JsonNode schema) {}

  private record Seen(Map<String, Definition> tools, boolean whole, long until) {}

  /** One more page of a list: the first one starts anew, with the last one it is whole. */
  synchronized void saw(Place place, JsonNode tools, boolean first, boolean last) {
    Seen before = seen.remove(place);
    Map<String, Definition> known =
        first || before == null ? new HashMap<>() : new HashMap<>(before.tools());
    for (JsonNode tool : tools) {
      String name = tool.path("name").asText();
      Definition definition = new Definition(CanonicalJson.sha256(tool), tool.path("inputSchema"));
      known.merge(
          name,
          definition,
          (one, other) ->
              one.equals(other) ? one : new Definition(SEVERAL, MissingNode.getInstance()));
    }
    seen.put(place, new Seen(known, last, time.after(KEPT)));
    if (seen.size() > MOST_PLACES) {
      seen.remove(seen.keySet().iterator().next());
    }
  }

  /** The definition as last seen there, on whichever page. */
  synchronized Optional<Definition> at(Place place, String tool) {
    return Optional.ofNullable(seen.get(place)).map(there -> there.tools().get(tool));
  }

  /** Whether all definitions there are known, lately enough; otherwise they must be asked for. */
  synchronized boolean knows(Place place) {
    Seen there = seen.get(place);
    return there != null && there.whole() && !time.reached(there.until());
  }

  /**
   * What is known of all tools there; equal while it is the same, empty while some are not known.
   */
  synchronized Optional<Object> known(Place place) {
    return Optional.ofNullable(seen.get(place)).filter(Seen::whole).map(Object.class::cast);
  }

  /** The server says that its list is another one now. */
  synchronized void changed(String upstream) {
    seen.keySet().removeIf(place -> place.upstream().equals(upstream));
  }

  /** Whether the tool, defined so, may be there. */
  boolean isApproved(UpstreamEntry entry, String tool, Optional<Definition> definition) {
    UpstreamEntry.Item item = entry.tools().get(tool);
    if (item == null || definition.isEmpty()) {
      return false;
    }
    String sha256 = definition.get().sha256();
    if (sha256.equals(SEVERAL)) {
      return false;
    }
    boolean approved = !entry.pinned() || item.pin().equals(Optional.of(sha256));
    note(entry, tool, sha256, item, approved);
    return approved;
  }

  private synchronized void note(
      UpstreamEntry entry, String tool, String sha256, UpstreamEntry.Item item, boolean approved) {
    String key = "upstreams." + entry.name() + ".tools." + tool + ".pin";
    if (approved) {
      pending.remove(key);
      return;
    }
    String state = item.pin().isPresent() ? "has changed" : "is not approved yet";
    String said =
        "its definition " + state + "; having read it, approve it with " + key + ": " + sha256;
    if (!said.equals(pending.get(key)) && pending.size() < MOST_PENDING) {
      pending.put(key, said);
      LOG.warn("Tool {} of {} is hidden: {}", tool, entry.name(), said);
    }
  }

  /** What hides tools that the catalogue maps, by its key; for the operator. */
  synchronized Map<String, String> pending() {
    return new TreeMap<>(pending);
  }
}
