package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * One thing that should be in Vault.
 *
 * @param fields values of type String, Boolean, Duration, List or Set of String, or Map of these; a
 *     set is compared without its order
 * @param unreadable fields that Vault does not give back
 */
record Item(String path, Map<String, Object> fields, Set<String> unreadable) {
  Item {
    fields = Map.copyOf(fields);
    unreadable = Set.copyOf(unreadable);
  }

  Item(String path, Map<String, Object> fields) {
    this(path, fields, Set.of());
  }

  /** As Vault takes it. */
  Map<String, Object> body() {
    Map<String, Object> body = new TreeMap<>();
    fields.forEach(
        (name, value) -> body.put(name, value instanceof Duration d ? d.toSeconds() + "s" : value));
    return body;
  }

  /** Names of the fields that are not so in {@code found}. */
  List<String> differences(JsonNode found) {
    List<String> names = new ArrayList<>();
    new TreeMap<>(fields)
        .forEach((name, wanted) -> {
          if (!unreadable.contains(name) && !same(wanted, at(found, name))) {
            names.add(name);
          }
        });
    return names;
  }

  /** Database connections give some of their fields back one level down. */
  private static JsonNode at(JsonNode found, String name) {
    JsonNode direct = found.path(name);
    return direct.isMissingNode() ? found.path("connection_details").path(name) : direct;
  }

  private static boolean same(Object wanted, JsonNode found) {
    return switch (wanted) {
      case Duration duration -> found.asLong(-1) == duration.toSeconds();
      case Boolean flag -> found.asBoolean(!flag) == flag;
      case Set<?> set -> Set.copyOf(texts(found)).equals(set);
      case Map<?, ?> map -> map(found).equals(map);
      case List<?> list -> texts(found).equals(list);
      default -> found.asText("").strip().equals(wanted.toString().strip());
    };
  }

  private static Map<String, String> map(JsonNode object) {
    Map<String, String> map = new TreeMap<>();
    object.properties().forEach(each -> map.put(each.getKey(), each.getValue().asText()));
    return map;
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(element -> texts.add(element.asText()));
    return texts;
  }
}
