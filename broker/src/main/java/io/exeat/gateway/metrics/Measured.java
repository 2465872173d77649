package io.exeat.gateway.metrics;

import io.exeat.base.Spread;
import io.exeat.flow.Readings;
import io.exeat.flow.Vitals;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that is told.
 *
 * @param readings empty while the broker is still starting, or elsewhere
 * @param writes how long facts waited for the disk, by the file's name
 * @param policyAge since policies were last taken in; empty where that is another's affair
 * @param policy the hash of those in force, which every decision names; empty when there are none
 */
public record Measured(
    Vitals vitals,
    Optional<Readings> readings,
    Map<String, Spread.Seen> writes,
    Optional<Duration> policyAge,
    Optional<String> policy) {
  public Measured {
    writes = Map.copyOf(writes);
  }

  /** With nothing behind the doors. */
  public static Measured of(Vitals vitals) {
    return new Measured(vitals, Optional.empty(), Map.of(), Optional.empty(), Optional.empty());
  }
}
