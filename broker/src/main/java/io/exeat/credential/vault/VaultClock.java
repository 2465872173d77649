package io.exeat.credential.vault;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.time.Duration;
import java.time.Instant;

/** What time Vault says it is ({@code sys/health}, which also answers when Vault is sealed). */
final class VaultClock {
  /** Vault tells whole seconds, cut off: on average it is half a second later. */
  private static final Duration CUT_OFF = Duration.ofMillis(500);

  private VaultClock() {}

  /**
   * How far it is ahead of ours; the way there and back is taken to be equally long.
   *
   * @throws FaultException Unavailable VAULT
   */
  static Duration ahead(VaultClient client, Time time) {
    Instant before = time.now();
    long seconds = seconds(client);
    Instant after = time.now();
    if (seconds == 0) {
      throw new FaultException(Refusals.vault("Vault does not say what time it is"));
    }
    Instant between = before.plus(Duration.between(before, after).dividedBy(2));
    return Duration.between(between, Instant.ofEpochSecond(seconds).plus(CUT_OFF));
  }

  private static long seconds(VaultClient client) {
    try {
      return client.health().body().path("server_time_utc").asLong(0);
    } catch (NoAnswer e) {
      throw Refusals.of(e);
    }
  }
}
