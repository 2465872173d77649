package io.exeat.policy.opa;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.CanonicalJson;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What an OPA server decides by.
 *
 * @param sha256 of its policies and of its bundles' revisions; empty when there are none
 * @param revisions of its bundles, by their names: they stand for the bundles' data documents
 */
public record Served(String sha256, SortedMap<String, String> revisions) {
  static final Served NOTHING = new Served("", new TreeMap<>());

  private static final ObjectMapper JSON = new ObjectMapper();

  public Served {
    revisions = Collections.unmodifiableSortedMap(new TreeMap<>(revisions));
  }

  /**
   * @param policies their texts, by their names
   */
  static Served of(SortedMap<String, String> policies, SortedMap<String, String> revisions) {
    ObjectNode both = JSON.createObjectNode();
    both.set("policies", JSON.valueToTree(policies));
    both.set("revisions", JSON.valueToTree(revisions));
    JsonNode hashed = revisions.isEmpty() ? both.get("policies") : both;
    return new Served(CanonicalJson.sha256(hashed), revisions);
  }

  /**
   * The revisions in an answer of the Data API, which was asked for its {@code provenance}: those
   * that it was made under (OPA reads both in one transaction).
   */
  static SortedMap<String, String> revisions(JsonNode answer) {
    SortedMap<String, String> revisions = new TreeMap<>();
    for (Map.Entry<String, JsonNode> each : answer.at("/provenance/bundles").properties()) {
      revisions.put(each.getKey(), each.getValue().path("revision").asText());
    }
    // Of a server that has its one bundle by the older configuration.
    String only = answer.at("/provenance/revision").asText();
    if (!only.isEmpty()) {
      revisions.put("", only);
    }
    return revisions;
  }

  /** The bundles for people; empty when there are none. */
  public String bundles() {
    return revisions.entrySet().stream()
        .map(each -> each.getKey() + " at revision '" + each.getValue() + "'")
        .collect(Collectors.joining(", "));
  }
}
