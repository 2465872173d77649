package io.exeat.attest;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** When the issuer is to be asked again about one process. */
final class Due {
  private static final Logger LOG = LoggerFactory.getLogger(Due.class);

  /** So long before it must be it is asked again, at most: nobody has to wait for it then. */
  private static final Duration AHEAD = Duration.ofSeconds(5);

  /** So long before it must be an answer is no longer promised from memory, at most. */
  private static final Duration MARGIN = Duration.ofSeconds(1);

  private final Time time;
  private final Duration recheck;
  private final long ahead;
  private final long margin;
  private final AtomicBoolean underWay = new AtomicBoolean();
  private volatile long at;

  /**
   * @param recheck how long an answer counts
   */
  Due(Time time, Duration recheck) {
    this.time = time;
    this.recheck = recheck;
    this.ahead = Math.min(AHEAD.toNanos(), recheck.toNanos() / 4);
    this.margin = Math.min(MARGIN.toNanos(), recheck.toNanos() / 8);
  }

  /** An answer is there. */
  void answered() {
    at = time.after(recheck);
  }

  /** It must be asked before anything is said. */
  boolean isNow() {
    return time.reached(at);
  }

  /**
   * Has it asked where nobody waits for the answer, when it is time for that.
   *
   * @param turn of who asks
   */
  void ahead(Lock turn, Supplier<?> ask) {
    if (time.reached(at - ahead) && underWay.compareAndSet(false, true)) {
      var _ = Thread.ofVirtual().name("attestation").start(() -> inTurn(turn, ask));
    }
  }

  private void inTurn(Lock turn, Supplier<?> ask) {
    try {
      if (turn.tryLock()) {
        try {
          var _ = ask.get();
        } finally {
          turn.unlock();
        }
      }
    } catch (FaultException e) {
      LOG.debug("Asked ahead of time: {}", e.getMessage()); // who calls next hears it too
    } finally {
      underWay.set(false);
    }
  }

  /** What is known may not count any more in the next moment. */
  boolean isNear() {
    return time.reached(at - margin);
  }
}
