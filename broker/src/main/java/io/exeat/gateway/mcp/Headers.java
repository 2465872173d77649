package io.exeat.gateway.mcp;

import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A request's headers, by their names in lower case, with every value that each had. */
final class Headers {
  static final String SESSION = "mcp-session-id";
  static final String VERSION = "mcp-protocol-version";
  static final String METHOD = "mcp-method";
  static final String NAME = "mcp-name";
  static final String PARAM = "mcp-param-";
  static final String LAST_EVENT = "last-event-id";
  static final String TASK = "exeat-task";

  private static final List<String> ALWAYS = List.of(VERSION, LAST_EVENT);

  private static final Pattern VALUE = Pattern.compile("[\\x20-\\x7e]{0,4096}");

  private final Map<String, List<String>> values = new TreeMap<>();

  void add(String name, String value) {
    values
        .computeIfAbsent(name.toLowerCase(Locale.ROOT), _ -> new ArrayList<>())
        .add(value.strip());
  }

  /**
   * The one value; empty when there is none.
   *
   * @throws BadMessage HEADER_MISMATCH when there are several: two readers would take two of them
   */
  Optional<String> one(String name) {
    List<String> all = values.getOrDefault(name, List.of());
    if (all.size() > 1) {
      throw new BadMessage(ErrorCode.HEADER_MISMATCH, name + " header appears more than once");
    }
    return all.stream().findFirst();
  }

  /** Whether one of the values, which are lists, has {@code word}. */
  boolean has(String name, String word) {
    return values.getOrDefault(name, List.of()).stream()
        .flatMap(value -> List.of(value.split(",", -1)).stream())
        .map(each -> each.split(";", -1)[0].strip().toLowerCase(Locale.ROOT))
        .anyMatch(each ->
            each.equals(word)
                || each.equals("*/*")
                || (each.endsWith("/*") && word.startsWith(each.substring(0, each.length() - 1))));
  }

  /**
   * MCP's own headers, to be passed on: those that were compared with the body, and of the legacy
   * era, where none is, those that say nothing of it.
   */
  Map<String, String> mirrored(boolean modern) {
    Map<String, String> mirrored = new TreeMap<>();
    for (String name : values.keySet()) {
      if (ALWAYS.contains(name) || (modern && isOfTheBody(name))) {
        String value = one(name).orElse("");
        if (!VALUE.matcher(value).matches()) {
          throw new BadMessage(
              ErrorCode.HEADER_MISMATCH, name + " header is not printable ASCII, or too long");
        }
        mirrored.put(name, value);
      }
    }
    return mirrored;
  }

  private static boolean isOfTheBody(String name) {
    return name.equals(METHOD) || name.equals(NAME) || name.startsWith(PARAM);
  }
}
