package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Supplier;

/**
 * The wall clocks that say how long what is lent can live: Vault's, which states expiries, and the
 * target's, which believes them. While one of them is off nothing is lent; what ends does not ask.
 *
 * <p>They are compared with ours whenever something is to be lent and the last comparison is old.
 * What a clock said somewhere between question and answer says nothing once these are {@link
 * #QUICK} apart: with Vault's whole seconds it could be off by more than {@link #MOST}, or seem to
 * be. Then the last comparison stands for a while; clocks do not jump because a server is slow.
 */
final class Clocks {
  /** By how much a clock may differ from ours. */
  static final Duration MOST = Duration.ofSeconds(2);

  /** How long a comparison holds. */
  static final Duration FRESH = Duration.ofSeconds(5);

  /** How long an answer may take for the comparison to count. */
  static final Duration QUICK = Duration.ofSeconds(1);

  /** How long a comparison stands while there is none that counts. */
  static final Duration STANDS = Duration.ofMinutes(1);

  private static final int TRIES = 3;
  private static final Duration SOON = Duration.ofSeconds(1);

  private final Supplier<Duration> vault;
  private final Map<String, Supplier<Duration>> targets;
  private final Time time;
  private final ConcurrentMap<String, Compared> last = new ConcurrentHashMap<>();

  private record Compared(Duration ahead, long until, long stands) {}

  /**
   * @param vault asks how far Vault's clock is ahead of ours
   * @param targets the same for targets, by name
   */
  Clocks(Supplier<Duration> vault, Map<String, Supplier<Duration>> targets, Time time) {
    this.vault = vault;
    this.targets = Map.copyOf(targets);
    this.time = time;
  }

  /**
   * @throws FaultException Unavailable VAULT or TARGET when a clock is off, or cannot be asked
   */
  void requireTrue(Collection<String> named) {
    require("vault", "Vault", Fault.Dependency.VAULT, vault);
    for (String target : named) {
      Supplier<Duration> clock = targets.get(target);
      if (clock != null) {
        require("target " + target, "target " + target, Fault.Dependency.TARGET, clock);
      }
    }
  }

  private void require(
      String key, String whose, Fault.Dependency dependency, Supplier<Duration> clock) {
    Compared known = last.get(key);
    if (known == null || time.reached(known.until())) {
      Optional<Duration> ahead = ahead(clock);
      if (ahead.isPresent()) {
        // One that is off is asked again soon, so that it is noticed when it is right again.
        Duration holds = isOff(ahead.get()) ? Duration.ZERO : FRESH;
        known = new Compared(ahead.get(), time.after(holds), time.after(STANDS));
        last.put(key, known);
      } else if (known == null || time.reached(known.stands())) {
        throw new FaultException(
            new Fault.Unavailable(
                dependency,
                "the clock of %s cannot be compared with the broker's: it took more than %d s to answer"
                    .formatted(whose, QUICK.toSeconds()),
                SOON));
      }
    }
    if (isOff(known.ahead())) {
      throw new FaultException(
          new Fault.Unavailable(
              dependency,
              "the clock of %s is %.1f s %s the broker's; more than %d s are too much, have both set"
                  .formatted(
                      whose,
                      known.ahead().abs().toMillis() / 1000.0,
                      known.ahead().isNegative() ? "behind" : "ahead of",
                      MOST.toSeconds()),
              SOON));
    }
  }

  /** Empty when no answer was quick enough to go by. */
  private Optional<Duration> ahead(Supplier<Duration> clock) {
    for (int i = 0; i < TRIES; i++) {
      long asked = time.after(Duration.ZERO);
      Duration ahead = clock.get();
      if (time.since(asked).compareTo(QUICK) <= 0) {
        return Optional.of(ahead);
      }
    }
    return Optional.empty();
  }

  private static boolean isOff(Duration ahead) {
    return ahead.abs().compareTo(MOST) > 0;
  }
}
