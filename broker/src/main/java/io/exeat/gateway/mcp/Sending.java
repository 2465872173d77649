package io.exeat.gateway.mcp;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Use;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Waits for a server's answer to begin, and no longer than the agent is there and the use stands:
 * whichever ends first interrupts it, which ends the call at the server.
 */
final class Sending {
  private @Nullable Thread waiting = Thread.currentThread();
  private boolean stopped;

  private Sending() {}

  /**
   * @throws FaultException why the use has ended, or what {@link Upstream#send} throws
   */
  static Answer send(Upstream upstreams, Caller caller, Use use, Outgoing ask) {
    if (caller.session().filter(it -> !it.epoch().equals(use.epoch())).isPresent()) {
      throw new Refusal(404); // it began under what the task held before
    }
    Sending sending = new Sending();
    caller.exchange().onGone(sending::stop);
    try (var _ = use.whenEnded(_ -> sending.stop())) {
      requireStanding(use);
      Answer answer = upstreams.send(caller.entry(), use, ask);
      if (sending.isOver()) {
        answer.close();
        requireStanding(use);
        throw left();
      }
      return answer;
    } catch (RuntimeException e) { // whatever an interrupted wait says
      if (sending.isOver()) {
        requireStanding(use);
        throw left();
      }
      throw e;
    }
  }

  private static void requireStanding(Use use) {
    Optional<Fault> ended = use.ended();
    if (ended.isPresent()) {
      throw new FaultException(ended.get());
    }
  }

  /** Nobody will read it. */
  private static FaultException left() {
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.TARGET, "nobody waits any more", Duration.ZERO));
  }

  private synchronized void stop() {
    if (waiting != null) {
      stopped = true;
      waiting.interrupt();
    }
  }

  /** From now on nothing is interrupted; whether it was. */
  private synchronized boolean isOver() {
    if (waiting != null) {
      waiting = null;
      if (stopped) {
        Thread.interrupted();
      }
    }
    return stopped;
  }
}
