package io.exeat.revoke;

import java.time.Instant;
import java.util.List;

/**
 * What was seen when a credential or an epoch was proven dead.
 *
 * @param confirmedAt when Vault had said that the token and the leases are ended
 * @param deadAt when the last look found nothing alive
 * @param checks each thing that was looked at, and what was seen there
 */
public record Obituary(Instant confirmedAt, Instant deadAt, List<String> checks) {
  public Obituary {
    checks = List.copyOf(checks);
  }
}
