package io.exeat.base;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/**
 * The clocks, passed in: tests move them by hand.
 *
 * @param wall for people and for expiries that others stated as dates; it may jump
 * @param nanos monotonic, in nanoseconds from an arbitrary origin; every duration is measured on it
 */
public record Time(InstantSource wall, LongSupplier nanos) {
  /** The wall clock's time now. */
  public Instant now() {
    return wall.instant();
  }

  /** A point on the monotonic clock, {@code from now}; compare with {@link #reached}. */
  public long after(Duration fromNow) {
    return nanos.getAsLong() + fromNow.toNanos();
  }

  /** Whether the monotonic clock has come to {@code point}. */
  public boolean reached(long point) {
    return nanos.getAsLong() - point >= 0;
  }

  /** How long ago the monotonic clock was at {@code point}. */
  public Duration since(long point) {
    return Duration.ofNanos(nanos.getAsLong() - point);
  }

  /** How long until the monotonic clock comes to {@code point}; zero when it has. */
  public Duration until(long point) {
    return Duration.ofNanos(Math.max(0, point - nanos.getAsLong()));
  }
}
