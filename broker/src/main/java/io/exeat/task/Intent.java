package io.exeat.task;

import java.util.Map;
import java.util.regex.Pattern;

/**
 * A purpose that agents may declare: a catalogue entry.
 *
 * @param parameters each parameter's name and the pattern that its whole value must match
 * @param required which of them must be given
 */
public record Intent(
    String name,
    String description,
    Map<String, Pattern> parameters,
    java.util.Set<String> required) {
  public Intent {
    parameters = Map.copyOf(parameters);
    required = java.util.Set.copyOf(required);
  }

  /** A declared purpose: immutable, and part of every decision. */
  public record Declared(String intent, Map<String, String> parameters) {
    public Declared {
      parameters = Map.copyOf(parameters);
    }
  }
}
