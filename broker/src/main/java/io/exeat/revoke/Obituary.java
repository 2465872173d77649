package io.exeat.revoke;

import java.time.Instant;
import java.util.List;

/**
 * What was seen when a credential or an epoch was proven dead.
 *
 * @param checks each thing that was looked at, and what was seen there
 */
public record Obituary(Instant deadAt, List<String> checks) {
  public Obituary {
    checks = List.copyOf(checks);
  }
}
