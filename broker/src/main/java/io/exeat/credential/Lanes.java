package io.exeat.credential;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.Health;
import io.exeat.base.LeaseId;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A backend whose calls are made so many at a time, each kind in a lane of its own: what ends waits
 * for nothing that lends or renews, however much of that there is.
 *
 * <p>Vault makes and ends the roles of one database one after the other, so a call that ends
 * something stands behind those few that lend at that moment, and no more.
 */
public final class Lanes implements SecretsBackend {
  static final int LENDING = 8;

  /** Of one agent: so that a few of its calls at most are with Vault when another's comes. */
  static final int LENDING_TO_ONE = 4;

  static final int RENEWING = 2;

  /** Calls at a time that end something, or look whether it has ended. */
  public static final int ENDING = 32;

  /** How long a call waits for its turn. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final SecretsBackend backend;
  private final FairLane lending =
      new FairLane(LENDING, LENDING_TO_ONE, PATIENCE, Fault.Dependency.VAULT);
  private final Semaphore renewing = new Semaphore(RENEWING, true);
  private final Semaphore ending = new Semaphore(ENDING, true);

  public Lanes(SecretsBackend backend) {
    this.backend = backend;
  }

  @Override
  public EpochToken openEpoch(
      Epoch epoch,
      List<TaskId> wholes,
      AgentEntry agent,
      Collection<Grant> grants,
      Duration atMost) {
    return lending.in(agent.name(), () -> backend.openEpoch(epoch, wholes, agent, grants, atMost));
  }

  @Override
  public Lent issue(EpochToken token, Grant grant) {
    return lending.in(token.agent(), () -> backend.issue(token, grant));
  }

  @Override
  public Instant renew(EpochToken token, LeaseId lease, Duration atMost) {
    return in(renewing, () -> backend.renew(token, lease, atMost));
  }

  @Override
  public void endToken(Accessor accessor) {
    in(
        ending,
        () -> {
          backend.endToken(accessor);
          return accessor;
        });
  }

  @Override
  public void endLease(LeaseId lease) {
    in(
        ending,
        () -> {
          backend.endLease(lease);
          return lease;
        });
  }

  /** In no lane: there is one call at a time for each agent that is stopped, and it is urgent. */
  @Override
  public void disable(String agent, boolean disabled) {
    backend.disable(agent, disabled);
  }

  @Override
  public boolean tokenGone(Accessor accessor) {
    return in(ending, () -> backend.tokenGone(accessor));
  }

  @Override
  public boolean leaseGone(LeaseId lease) {
    return in(ending, () -> backend.leaseGone(lease));
  }

  @Override
  public Duration clockAhead() {
    return backend.clockAhead();
  }

  @Override
  public Subscription onLost(Consumer<Set<Epoch>> listener) {
    return backend.onLost(listener);
  }

  @Override
  public Subscription onExpiring(Consumer<Set<Epoch>> listener) {
    return backend.onExpiring(listener);
  }

  @Override
  public Health health() {
    return backend.health();
  }

  @Override
  public void close() {
    backend.close();
  }

  private static <T> T in(Semaphore lane, Supplier<T> call) {
    enter(lane);
    try {
      return call.get();
    } finally {
      lane.release();
    }
  }

  private static void enter(Semaphore lane) {
    try {
      if (lane.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw FairLane.tooLong(Fault.Dependency.VAULT);
  }
}
