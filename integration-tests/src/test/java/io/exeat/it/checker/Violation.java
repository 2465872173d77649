package io.exeat.it.checker;

import java.time.Instant;

/**
 * Something that does not hold.
 *
 * @param subject what it is about, such as a role's name
 */
public record Violation(Invariant invariant, String subject, String what, Instant at) {
  @Override
  public String toString() {
    return invariant + ": " + subject + ": " + what + " at " + at;
  }
}
