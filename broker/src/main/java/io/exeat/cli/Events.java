package io.exeat.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A stream of server-sent events, read one by one (HTML Living Standard, section 9.2). */
final class Events {
  private static final int LONGEST = 8 << 20;

  private final BufferedReader lines;

  Events(InputStream stream) {
    this.lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
  }

  /**
   * One event.
   *
   * @param data empty for one that only names its place
   * @param retry in milliseconds
   */
  record Event(String data, Optional<String> id, Optional<Long> retry) {}

  /** The next one; empty at the stream's end, where an unfinished event counts for nothing. */
  Optional<Event> next() throws IOException {
    StringBuilder data = new StringBuilder();
    Optional<String> id = Optional.empty();
    Optional<Long> retry = Optional.empty();
    boolean any = false;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.isEmpty()) {
        if (any) {
          return Optional.of(new Event(data.toString(), id, retry));
        }
        continue;
      }
      int colon = line.indexOf(':');
      String field = colon < 0 ? line : line.substring(0, colon);
      String value = colon < 0 ? "" : line.substring(colon + 1);
      value = value.startsWith(" ") ? value.substring(1) : value;
      switch (field) {
        case "data" -> {
          if (data.length() + value.length() > LONGEST) {
            throw new IOException("an event is longer than " + LONGEST + " characters");
          }
          data.append(data.isEmpty() ? "" : "\n").append(value);
          any = true;
        }
        case "id" -> {
          id = Optional.of(value);
          any = true;
        }
        case "retry" -> {
          if (value.matches("[0-9]{1,9}")) {
            retry = Optional.of(Long.parseLong(value));
            any = true;
          }
        }
        default -> {} // a comment, the event's kind
      }
    }
    return Optional.empty();
  }
}
