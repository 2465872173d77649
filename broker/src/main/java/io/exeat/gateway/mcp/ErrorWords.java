package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a server says of an error goes to a model, which may take it for an instruction: so it is
 * short, and has nothing in it that a person would not see. Its code and its data stay, but for
 * data that is too large.
 */
final class ErrorWords {
  /** Of a message, in UTF-16 units. */
  static final int MOST = 2_000;

  /** Of everything else in an error, in UTF-16 units of its JSON. */
  static final int MOST_DATA = 65_536;

  /**
   * Controls but for tab and newline; formats, such as zero-width and bidirectional ones and tags;
   * variation selectors and other marks that show nothing (Unicode, Default_Ignorable_Code_Point);
   * separators of lines and paragraphs; what is private or no character.
   */
  private static final Pattern UNSEEN =
      Pattern.compile(
          "[\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}\\p{Zl}\\p{Zp}\\x{34F}\\x{115F}\\x{1160}\\x{17B4}\\x{17B5}"
              + "\\x{180B}-\\x{180F}\\x{3164}\\x{FFA0}\\x{FE00}-\\x{FE0F}\\x{E0000}-\\x{E0FFF}"
              + "&&[^\\n\\t]]");

  private ErrorWords() {}

  /** Whether there may be an error in it; never wrong when it says no. */
  static boolean may(String json) {
    return json.contains("\"error\"") || json.contains("\\u");
  }

  /** Without what cannot be seen in its error; no JSON, without all of it. */
  static String plain(String json) {
    try {
      JsonNode tree = Trees.read(json);
      boolean changed = false;
      for (ObjectNode message : messages(tree)) {
        JsonNode error = message.path("error");
        JsonNode plain = seen(error);
        if (!plain.equals(error)) {
          message.set("error", plain);
          changed = true;
        }
      }
      return changed ? new String(Replies.bytes(tree), UTF_8) : json;
    } catch (JsonProcessingException e) {
      return seen(json);
    }
  }

  /** With an error of bounded size, which says what was left out; no JSON, as short. */
  static String cut(String json) {
    if (json.length() <= MOST) {
      return json;
    }
    try {
      JsonNode tree = Trees.read(json);
      boolean changed = false;
      for (ObjectNode message : messages(tree)) {
        if (message.path("error") instanceof ObjectNode error) {
          changed |= cut(error);
        } else if (message.path("error").isTextual()) {
          message.put("error", shortened(message.path("error").asText()));
          changed = true;
        }
      }
      return changed ? new String(Replies.bytes(tree), UTF_8) : json;
    } catch (JsonProcessingException e) {
      return shortened(json);
    }
  }

  /** Whether it is a message of JSON-RPC's rather than mere words, such as an HTTP error has. */
  static boolean isMessage(String said) {
    try {
      return Trees.read(said).has("jsonrpc");
    } catch (JsonProcessingException e) {
      return false;
    }
  }

  private static Iterable<ObjectNode> messages(JsonNode tree) {
    return (tree instanceof ArrayNode some ? some.valueStream() : java.util.stream.Stream.of(tree))
        .filter(ObjectNode.class::isInstance)
        .map(ObjectNode.class::cast)
        .filter(it -> it.has("error"))
        .toList();
  }

  private static boolean cut(ObjectNode error) {
    String words = error.path("message").asText();
    String all = shortened(words);
    ObjectNode rest = error.deepCopy();
    rest.remove("message");
    int size = rest.toString().length();
    if (size > MOST_DATA) {
      error.retain("code", "message");
      all += " [Exeat: " + size + " characters of data were left out]";
    }
    boolean changed = !all.equals(words);
    if (changed) {
      error.put("message", all);
    }
    return changed;
  }

  /** The words, cut to {@link #MOST} with a note of how many more there were. */
  static String shortened(String words) {
    if (words.length() <= MOST) {
      return words;
    }
    int end = Character.isHighSurrogate(words.charAt(MOST - 1)) ? MOST - 1 : MOST;
    return words.substring(0, end)
        + "… [Exeat: "
        + (words.length() - end)
        + " more characters were cut]";
  }

  /** What a person would see of it. */
  static String seen(String text) {
    return UNSEEN.matcher(text).replaceAll("");
  }

  private static JsonNode seen(JsonNode node) {
    if (node.isTextual()) {
      return JsonNodeFactory.instance.textNode(seen(node.textValue()));
    }
    if (node instanceof ArrayNode array) {
      ArrayNode seen = JsonNodeFactory.instance.arrayNode();
      array.forEach(each -> seen.add(seen(each)));
      return seen;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode seen = JsonNodeFactory.instance.objectNode();
      for (Map.Entry<String, JsonNode> each : object.properties()) {
        seen.set(seen(each.getKey()), seen(each.getValue()));
      }
      return seen;
    }
    return node;
  }
}
