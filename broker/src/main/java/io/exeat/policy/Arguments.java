package io.exeat.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a tool is given, flat: {@code {"to":{"city":"Rome"},"ids":[7]}} is {@code to.city = "Rome"},
 * {@code ids.0 = 7}. Policies see every leaf, or see that they do not.
 *
 * @param texts each leaf as text; {@code true}, {@code false} and {@code null} as these words, a
 *     number in the one way of RFC 8785
 * @param numbers the leaves that are whole numbers of 64 bits, however written: {@code 1000.0} and
 *     {@code 1e3} are 1000
 * @param omitted names of leaves too long to be looked into; they are in neither map
 * @param sha256 of the canonical JSON (sorted keys, no spaces), in hex
 */
public record Arguments(
    SortedMap<String, String> texts,
    SortedMap<String, Long> numbers,
    SortedSet<String> omitted,
    String sha256) {
  /** The most leaves. */
  public static final int MOST_LEAVES = 256;

  /** The most characters of all names together, and again of all texts: a record keeps them. */
  public static final int MOST_CHARACTERS = 8_192;

  private static final int MOST_DEPTH = 16;

  /** None at all. */
  public static final Arguments NONE = of(JsonNodeFactory.instance.objectNode());

  public Arguments {
    texts = Collections.unmodifiableSortedMap(new TreeMap<>(texts));
    numbers = Collections.unmodifiableSortedMap(new TreeMap<>(numbers));
    omitted = Collections.unmodifiableSortedSet(new TreeSet<>(omitted));
  }

  /**
   * @throws FaultException Malformed for {@code arguments} when they are too many or too deep to be
   *     decided on, two have one name, or one is no text
   */
  public static Arguments of(JsonNode json) {
    Leaves leaves = new Leaves();
    leaves.add("", json, 0);
    return new Arguments(leaves.texts, leaves.numbers, leaves.omitted, CanonicalJson.sha256(json));
  }

  private static final class Leaves {
    private final SortedMap<String, String> texts = new TreeMap<>();
    private final SortedMap<String, Long> numbers = new TreeMap<>();
    private final SortedSet<String> omitted = new TreeSet<>();
    private int inNames;
    private int inTexts;

    void add(String name, JsonNode node, int depth) {
      if (depth > MOST_DEPTH) {
        throw refused("must be nested at most " + MOST_DEPTH + " deep");
      }
      if (node.isObject()) {
        for (Map.Entry<String, JsonNode> each : node.properties()) {
          requireText(each.getKey());
          add(join(name, each.getKey()), each.getValue(), depth + 1);
        }
      } else if (node.isArray()) {
        for (int i = 0; i < node.size(); i++) {
          add(join(name, Integer.toString(i)), node.get(i), depth + 1);
        }
      } else {
        leaf(name, node);
      }
    }

    private void leaf(String name, JsonNode node) {
      inNames += name.length();
      if (texts.size() + omitted.size() >= MOST_LEAVES || inNames > MOST_CHARACTERS) {
        throw refused(
            "must be at most %d values, with names of at most %d characters together"
                .formatted(MOST_LEAVES, MOST_CHARACTERS));
      }
      if (texts.containsKey(name) || omitted.contains(name)) {
        throw refused("must not have two values called " + name);
      }
      String text = node.isNumber() ? CanonicalNumber.of(node) : node.asText();
      requireText(text);
      if (inTexts + text.length() > MOST_CHARACTERS) {
        omitted.add(name);
        return;
      }
      inTexts += text.length();
      texts.put(name, text);
      if (node.isNumber()) {
        CanonicalNumber.whole(node).ifPresent(whole -> numbers.put(name, whole));
      }
    }

    /** Half a surrogate pair has no bytes, so nothing could be said of it that holds elsewhere. */
    private static void requireText(String text) {
      if (!CanonicalJson.isWhole(text)) {
        throw refused("must be Unicode text, without half a surrogate pair");
      }
    }

    private static String join(String name, String more) {
      return name.isEmpty() ? more : name + "." + more;
    }

    private static FaultException refused(String problem) {
      return new FaultException(new Fault.Malformed("arguments", problem));
    }
  }
}
