package io.exeat.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;
import java.util.TreeSet;

/**
 * The keys that a JSON Schema for editors knows, to be compared with those that the reader asked
 * for.
 */
public final class SchemaAgreement {
  private final JsonNode schema;

  private SchemaAgreement(JsonNode schema) {
    this.schema = schema;
  }

  /**
   * The paths of all values in the schema, with {@code *} for names of the file's choice and list
   * items.
   */
  public static Set<String> keysOf(String resource) throws IOException {
    try (InputStream in = SchemaAgreement.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("no resource " + resource);
      }
      SchemaAgreement agreement = new SchemaAgreement(new ObjectMapper().readTree(in));
      Set<String> keys = new TreeSet<>();
      agreement.collect("", agreement.schema, keys);
      return keys;
    }
  }

  private void collect(String path, JsonNode at, Set<String> keys) {
    JsonNode node = at;
    if (at.has("$ref")) {
      node = schema.at(at.get("$ref").asText().substring(1));
    }
    boolean inner = false;
    for (String branches : Set.of("oneOf", "anyOf", "allOf")) {
      for (JsonNode branch : node.path(branches)) {
        inner |= branch.has("properties") || branch.has("$ref");
        if (branch.has("properties") || branch.has("$ref")) {
          collect(path, branch, keys);
        }
      }
    }
    for (var property : node.path("properties").properties()) {
      inner = true;
      collect(
          path.isEmpty() ? property.getKey() : path + "." + property.getKey(),
          property.getValue(),
          keys);
    }
    for (var pattern : node.path("patternProperties").properties()) {
      inner = true;
      collect(path + ".*", pattern.getValue(), keys);
    }
    if (node.path("items").has("properties") || node.path("items").has("$ref")) {
      inner = true;
      collect(path + ".*", node.get("items"), keys);
    }
    if (!inner) {
      keys.add(path);
    }
  }
}
