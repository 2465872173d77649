package io.exeat.identity;

import io.exeat.base.Time;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.NullMarked;

/** Clocks for tests: the real ones, or a wall clock that only the test moves. */
@NullMarked
public final class TestTime {
  private final AtomicReference<Duration> ahead = new AtomicReference<>(Duration.ZERO);

  /** The machine's own clocks. */
  public static Time real() {
    return new Time(InstantSource.system(), System::nanoTime);
  }

  /** Both clocks, ahead of the machine's by what {@link #pass} has let pass. */
  public Time time() {
    return new Time(
        () -> Instant.now().plus(ahead.get()), () -> System.nanoTime() + ahead.get().toNanos());
  }

  /** Moves both clocks on. */
  public void pass(Duration more) {
    ahead.updateAndGet(before -> before.plus(more));
  }
}
