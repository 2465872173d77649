package io.exeat.task;

import java.util.Optional;

/**
 * What the catalogue knows of a tool. Which grants a tool may use stands with the grants.
 *
 * @param readsOutside whether what it returns comes from outside, where anybody may have written it
 * @param destination the host outside that its arguments go to; empty when they stay inside
 * @param risk 0 for none to 100
 */
public record Tool(
    String name, Step step, boolean readsOutside, Optional<String> destination, int risk) {
  /** The risk of what nobody has said anything about. */
  public static final int UNKNOWN_RISK = 50;
}
