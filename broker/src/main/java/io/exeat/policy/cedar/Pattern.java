package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code like} looks for.
 *
 * @param parts literal texts, in this order; anything may stand between two of them
 */
record Pattern(List<String> parts) {
  static Pattern of(JsonNode json) {
    if (!json.isArray()) {
      throw new Translation.Untranslated(json.toString());
    }
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    for (JsonNode each : json) {
      if (each.isTextual() && each.textValue().equals("Wildcard")) {
        parts.add(part.toString());
        part.setLength(0);
      } else {
        part.append(Translation.text(each.path("Literal")));
      }
    }
    parts.add(part.toString());
    return new Pattern(List.copyOf(parts));
  }

  boolean matches(String text) {
    String first = parts.getFirst();
    String last = parts.getLast();
    if (parts.size() == 1) {
      return text.equals(first);
    }
    int end = text.length() - last.length();
    if (end < first.length() || !text.startsWith(first) || !text.endsWith(last)) {
      return false;
    }
    int at = first.length();
    for (String part : parts.subList(1, parts.size() - 1)) {
      int found = text.indexOf(part, at);
      if (found < 0 || found + part.length() > end) {
        return false;
      }
      at = found + part.length();
    }
    return true;
  }
}
