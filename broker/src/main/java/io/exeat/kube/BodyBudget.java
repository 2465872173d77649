package io.exeat.kube;

import java.util.concurrent.atomic.AtomicLong;

/** How much of requests' bodies is held at once, by all connections together. */
final class BodyBudget {
  /** More than an API server takes for one object, the old one beside it. */
  static final int MOST_OF_ONE = 4 << 20;

  private static final long MOST = 16L << 20;

  private final AtomicLong held = new AtomicLong();

  /** Whether there was room; then it is to be given back. */
  boolean take(int bytes) {
    if (held.addAndGet(bytes) > MOST) {
      held.addAndGet(-bytes);
      return false;
    }
    return true;
  }

  void giveBack(int bytes) {
    held.addAndGet(-bytes);
  }
}
