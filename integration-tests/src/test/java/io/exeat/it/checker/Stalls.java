package io.exeat.it.checker;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * When a thread that slept for a moment was woken much later: then the machine had no time for
 * anybody. It counts twice, because the broker has to wait for others after it, too.
 */
final class Stalls {
  private static final Duration ALLOWED = Duration.ofMillis(30);
  private static final int MOST = 10_000;

  private final Deque<Stall> stalls = new ArrayDeque<>();

  private record Stall(Instant begun, Duration time) {}

  /** A sleep of {@code meant} is over now. */
  synchronized void add(Instant slept, Duration meant) {
    Duration late = Duration.between(slept, Instant.now()).minus(meant);
    if (late.compareTo(ALLOWED) > 0) {
      stalls.add(new Stall(slept, late));
      if (stalls.size() > MOST) {
        stalls.remove();
      }
    }
  }

  /** How long, twice, since then. */
  synchronized Duration since(Instant begun) {
    Duration all = Duration.ZERO;
    for (Stall stall : stalls) {
      if (stall.begun.isAfter(begun)) {
        all = all.plus(stall.time.multipliedBy(2));
      }
    }
    return all;
  }
}
