package io.exeat.policy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/** An object of which every key must be read. */
final class Fields {
  private final String path;
  private final JsonNode node;
  private final Set<String> read = new HashSet<>();

  Fields(String path, JsonNode node) {
    this.path = path;
    this.node = node;
    if (!node.isObject()) {
      throw new IllegalArgumentException(path + " is not an object");
    }
  }

  boolean has(String key) {
    return node.has(key);
  }

  /** The number, where there is one. */
  Optional<Long> optionalNumber(String key) {
    return node.has(key) ? Optional.of(number(key)) : Optional.empty();
  }

  Fields object(String key) {
    return new Fields(path + "." + key, get(key));
  }

  String text(String key) {
    JsonNode value = get(key);
    if (!value.isTextual()) {
      throw wrong(key, "a text");
    }
    return value.asText();
  }

  long number(String key) {
    JsonNode value = get(key);
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw wrong(key, "a whole number");
    }
    return value.longValue();
  }

  boolean flag(String key) {
    JsonNode value = get(key);
    if (!value.isBoolean()) {
      throw wrong(key, "true or false");
    }
    return value.booleanValue();
  }

  List<String> texts(String key) {
    JsonNode value = get(key);
    if (!value.isArray()) {
      throw wrong(key, "a list");
    }
    return value.valueStream().map(each -> textOf(key, each)).toList();
  }

  <T> T one(String key, Function<String, Optional<T>> parse) {
    return parse.apply(text(key)).orElseThrow(() -> wrong(key, "one of the known words"));
  }

  Map<String, String> allTexts() {
    Map<String, String> all = new TreeMap<>();
    node.properties()
        .forEach(each -> all.put(each.getKey(), textOf(each.getKey(), each.getValue())));
    return all;
  }

  Map<String, Long> allNumbers() {
    Map<String, Long> all = new TreeMap<>();
    node.properties().forEach(each -> all.put(each.getKey(), number(each.getKey())));
    return all;
  }

  void finish() {
    for (String key : (Iterable<String>) node::fieldNames) {
      if (!read.contains(key)) {
        throw new IllegalArgumentException(
            path + " has no " + key + "; it has " + new TreeSet<>(read));
      }
    }
  }

  IllegalArgumentException wrong(String key, String what) {
    return new IllegalArgumentException(path + "." + key + " must be " + what);
  }

  private String textOf(String key, JsonNode value) {
    if (!value.isTextual()) {
      throw wrong(key, "a text");
    }
    return value.asText();
  }

  private JsonNode get(String key) {
    read.add(key);
    JsonNode value = node.get(key);
    if (value == null) {
      throw new IllegalArgumentException(path + "." + key + " is missing");
    }
    return value;
  }
}
