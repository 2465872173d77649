package io.exeat.revoke.ttl;

import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.revoke.TargetVerifier;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * For targets at which nothing can be taken back, because nobody there asks anybody: what was lent
 * is dead when its end is past, by our clock and by that of who signed it.
 *
 * <p>What it cannot see: a host whose clock is behind by more than {@link #MARGIN}; a session that
 * began before; and what was signed in an answer that never came, whose key nobody has.
 */
public final class EndsByItself implements TargetVerifier {
  /** For the clocks of those who let in. */
  public static final Duration MARGIN = Duration.ofSeconds(5);

  private final Supplier<Duration> clock;
  private final Time time;
  private final Health health;

  /**
   * @param clock how far that of who signs is ahead of ours
   */
  public EndsByItself(Supplier<Duration> clock, Time time) {
    this.clock = clock;
    this.time = time;
    this.health = Health.available(time.now());
  }

  /** There is no door that could be shut. */
  @Override
  public void shut(Mark mark) {}

  @Override
  public Sighting look(Mark mark) {
    List<String> ending = new ArrayList<>();
    List<String> checks = new ArrayList<>();
    for (Known known : mark.known()) {
      if (hasEnded(known)) {
        checks.add("certificate " + known.principal() + " expired at " + known.expiresAt());
      } else {
        ending.add(
            "certificate "
                + known.principal()
                + " cannot be recalled, ends at "
                + known.expiresAt());
      }
    }
    if (mark.known().isEmpty()) {
      checks.add("nothing of it that works still was handed out");
    }
    return new Sighting(List.of(), ending, checks);
  }

  /** Vault is asked only when it is about to say yes: our own clock may have been set ahead. */
  private boolean hasEnded(Known known) {
    Instant surely = known.expiresAt().plus(MARGIN);
    Instant now = time.now();
    return !now.isBefore(surely) && !now.plus(clock.get()).isBefore(surely);
  }

  @Override
  public Duration clockAhead() {
    return clock.get();
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public void close() {}
}
