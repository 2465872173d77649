package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One event of a stream (WHATWG HTML, 9.2, server-sent events), with its id, its comments and
 * whatever else it has.
 *
 * @param lines without their ends, and without the empty line that ends the event
 */
public record Event(List<String> lines) {
  private static final String DATA = "data";

  public Event {
    lines = List.copyOf(lines);
  }

  /** An event with one JSON-RPC message. */
  public static Event message(byte[] json) {
    return new Event(List.of("event: message", "data: " + new String(json, UTF_8)));
  }

  /** What the event says; empty for a comment or a mere id. */
  public Optional<String> data() {
    List<String> data = new ArrayList<>();
    for (String line : lines) {
      if (isData(line)) {
        data.add(valueOf(line));
      }
    }
    return data.isEmpty() ? Optional.empty() : Optional.of(String.join("\n", data));
  }

  /** The same event, saying something else. */
  Event with(String data) {
    List<String> changed = new ArrayList<>();
    boolean said = false;
    for (String line : lines) {
      if (!isData(line)) {
        changed.add(line);
      } else if (!said) {
        data.lines().forEach(each -> changed.add("data: " + each));
        said = true;
      }
    }
    return new Event(changed);
  }

  /** As it goes over the wire. */
  byte[] bytes() {
    return lines.stream().collect(Collectors.joining("\n", "", "\n\n")).getBytes(UTF_8);
  }

  static boolean isData(String line) {
    return line.equals(DATA) || line.startsWith(DATA + ":");
  }

  private static String valueOf(String line) {
    String value = line.length() > DATA.length() ? line.substring(DATA.length() + 1) : "";
    return value.startsWith(" ") ? value.substring(1) : value;
  }
}
