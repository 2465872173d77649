package io.exeat.base;

import java.time.Instant;
import java.util.Optional;

/**
 * How something that answers depend on was, when last used or looked at.
 *
 * @param problem what is wrong and what to do, for people; empty when it is available
 * @param since when it became so
 */
public record Health(Optional<String> problem, Instant since) {
  /** Nothing wrong. */
  public static Health available(Instant since) {
    return new Health(Optional.empty(), since);
  }

  /** Something wrong. */
  public static Health unavailable(String problem, Instant since) {
    return new Health(Optional.of(problem), since);
  }

  /** Whether nothing is known to be wrong. */
  public boolean available() {
    return problem.isEmpty();
  }
}
