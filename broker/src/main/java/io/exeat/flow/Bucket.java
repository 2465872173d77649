package io.exeat.flow;

import io.exeat.base.Time;
import java.time.Duration;

/**
 * So much a minute, on the monotonic clock: what was not taken is kept, up to a minute's worth (a
 * token bucket). Not safe for several threads.
 */
final class Bucket {
  private static final double MINUTE = Duration.ofMinutes(1).toNanos();

  private final Time time;
  private double taken;
  private long at;

  Bucket(Time time) {
    this.time = time;
    this.at = time.nanos().getAsLong();
  }

  /** How long until one more of {@code perMinute} may be taken; zero when that is now. */
  Duration untilNext(int perMinute) {
    long now = time.nanos().getAsLong();
    taken = Math.max(0, taken - (now - at) * (perMinute / MINUTE));
    at = now;
    double missing = taken + 1 - perMinute;
    return missing <= 0
        ? Duration.ZERO
        : Duration.ofNanos((long) Math.ceil(missing * MINUTE / perMinute));
  }

  /** Takes one, whether or not it may be. */
  void take() {
    taken++;
  }
}
