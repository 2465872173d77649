package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * What turns one tree into another, as JSON Patch (RFC 6902): by field in objects; an array of
 * another length is replaced whole.
 */
final class JsonDiff {
  private final ArrayNode patch = JsonNodeFactory.instance.arrayNode();

  private JsonDiff() {}

  static ArrayNode between(JsonNode before, JsonNode after) {
    JsonDiff diff = new JsonDiff();
    diff.compare("", before, after);
    return diff.patch;
  }

  private void compare(String path, JsonNode before, JsonNode after) {
    if (before.equals(after)) {
      return;
    }
    if (before instanceof ObjectNode from && after instanceof ObjectNode to) {
      fields(path, from, to);
    } else if (before instanceof ArrayNode from
        && after instanceof ArrayNode to
        && from.size() == to.size()) {
      for (int i = 0; i < from.size(); i++) {
        compare(path + "/" + i, from.get(i), to.get(i));
      }
    } else {
      operation("replace", path).set("value", after);
    }
  }

  private void fields(String path, ObjectNode before, ObjectNode after) {
    for (Map.Entry<String, JsonNode> field : before.properties()) {
      String at = path + "/" + escaped(field.getKey());
      JsonNode now = after.get(field.getKey());
      if (now == null) {
        operation("remove", at);
      } else {
        compare(at, field.getValue(), now);
      }
    }
    for (Map.Entry<String, JsonNode> field : after.properties()) {
      if (!before.has(field.getKey())) {
        operation("add", path + "/" + escaped(field.getKey())).set("value", field.getValue());
      }
    }
  }

  private ObjectNode operation(String name, String path) {
    return patch.addObject().put("op", name).put("path", path);
  }

  /** RFC 6901, section 3. */
  private static String escaped(String key) {
    return key.replace("~", "~0").replace("/", "~1");
  }
}
