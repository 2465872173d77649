package io.exeat.credential.vault;

import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logins of the broker's own that are to end. While a target is away Vault tries six times and then
 * keeps the lease for a day; so it is asked until it has ended it.
 */
final class GivenBack implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GivenBack.class);

  private final Consumer<LeaseId> ending;
  private final Duration pause;
  private volatile boolean closed;

  /**
   * @param ending ends a lease, or throws a FaultException
   * @param pause at most, between two attempts
   */
  GivenBack(Consumer<LeaseId> ending, Duration pause) {
    this.ending = ending;
    this.pause = pause;
  }

  /** Tries once, and goes on behind the caller's back if that fails. */
  void end(LeaseId lease) {
    try {
      ask(lease);
    } catch (FaultException e) {
      LOG.info("A login of the verifier cannot be given back yet: {}", e.getMessage());
      Thread.ofVirtual().name("give back").start(() -> untilEnded(lease));
    }
  }

  private void untilEnded(LeaseId lease) {
    while (!closed) {
      LockSupport.parkNanos(pause.toNanos() * ThreadLocalRandom.current().nextInt(50, 101) / 100);
      try {
        ask(lease);
        return;
      } catch (FaultException e) {
        LOG.debug("A login of the verifier cannot be given back yet", e);
      }
    }
  }

  /** Nothing once this is closed, when our own token may be zeroed at any moment. */
  private void ask(LeaseId lease) {
    if (closed) {
      return;
    }
    try {
      ending.accept(lease);
    } catch (IllegalStateException e) {
      if (!closed) {
        throw e;
      }
      LOG.debug("A login of the verifier ends with its session", e);
    }
  }

  /** What is not ended by then ends with the session it was lent under. */
  @Override
  public void close() {
    closed = true;
  }
}
