package io.exeat.flow;

import io.exeat.base.CredentialId;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.credential.SecretsBackend;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens by itself: deadlines, warnings, renewals, forgetting. Each {@link #tick} looks at
 * everything once and blocks for nothing; work with Vault runs on virtual threads.
 */
public final class Sweeper {
  private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

  /** So that no clock differs on that it has ended. */
  private static final Duration AFTER_ITS_END = Duration.ofSeconds(5);

  private static final Duration WARN_AT_MOST = Duration.ofSeconds(60);

  private final Tasks tasks;
  private final Holdings holdings;
  private final Endings endings;
  private final Proofs proofs;
  private final Broker broker;
  private final Overdue overdue;
  private final SecretsBackend backend;
  private final Ceiling ceiling;
  private final Time time;
  private final ConcurrentMap<CredentialId, Long> renewAt = new ConcurrentHashMap<>();
  private final ConcurrentMap<CredentialId, Long> endAt = new ConcurrentHashMap<>();
  private final Set<CredentialId> renewing = ConcurrentHashMap.newKeySet();

  Sweeper(
      Tasks tasks,
      Holdings holdings,
      Endings endings,
      Proofs proofs,
      Broker broker,
      Ceiling ceiling,
      Steps steps) {
    this.tasks = tasks;
    this.holdings = holdings;
    this.endings = endings;
    this.proofs = proofs;
    this.broker = broker;
    this.ceiling = ceiling;
    this.overdue = new Overdue(steps);
    this.backend = steps.backend();
    this.time = steps.time();
  }

  /** Looks at everything once. */
  public void tick() {
    tasks.live().forEach(this::look);
    holdings.all().forEach(this::keepOrEnd);
    broker.tick();
    proofs.signLater();
    overdue.tick();
    Set<TaskId> forgotten = new HashSet<>(tasks.forget());
    if (!forgotten.isEmpty()) {
      forgotten.forEach(endings::forget);
      forgotten.forEach(holdings::forget);
      broker.forget(forgotten);
    }
  }

  private void look(Task task) {
    if (task.end().isPresent()) {
      return;
    }
    if (time.reached(task.deadlineTick())) {
      endings.end(task.id(), EndCause.EXPIRED, "its deadline passed");
      return;
    }
    Duration tenth = task.lifetime().dividedBy(10);
    Duration warning = tenth.compareTo(WARN_AT_MOST) < 0 ? tenth : WARN_AT_MOST;
    if (time.until(task.deadlineTick()).compareTo(warning) <= 0) {
      tasks.warn(task.id());
    }
  }

  /** What nobody renews is proven dead when it has ended by itself. */
  private void keepOrEnd(Held held) {
    if (held.kind().isRenewed()) {
      renewInTime(held);
    } else if (held.state() == Held.State.ACTIVE && time.reached(endOf(held))) {
      endings.expired(held);
    } else if (held.state() != Held.State.ACTIVE) {
      endAt.remove(held.id());
    }
  }

  /** It was seen first when it had been lent. */
  private long endOf(Held held) {
    return endAt.computeIfAbsent(held.id(), _ -> time.after(lease(held).plus(AFTER_ITS_END)));
  }

  /** A lease is renewed when a third of its life is over, so that two more attempts fit into it. */
  private void renewInTime(Held held) {
    if (held.state() != Held.State.ACTIVE) {
      renewAt.remove(held.id());
      return;
    }
    long due = renewAt.computeIfAbsent(held.id(), id -> time.after(lease(held).dividedBy(3)));
    if (time.reached(due) && renewing.add(held.id())) {
      Thread.ofVirtual().name("renew " + held.id()).start(() -> renew(held));
    }
  }

  private void renew(Held held) {
    try {
      Optional<Task> task = tasks.find(held.epoch().task());
      Optional<EpochToken> token = holdings.token(held.epoch());
      if (task.isEmpty() || token.isEmpty()) {
        return;
      }
      Duration left = time.until(task.get().deadlineTick());
      Duration lease = lease(held);
      Instant until =
          backend.renew(token.get(), held.lease(), lease.compareTo(left) < 0 ? lease : left);
      if (until.equals(Instant.MIN)) {
        lost(held);
      } else {
        holdings.renewed(held.id(), until);
        renewAt.put(held.id(), time.after(lease.dividedBy(3)));
      }
    } catch (FaultException e) {
      LOG.warn("Cannot renew {} of {}: {}", held.id(), held.epoch(), e.getMessage());
      renewAt.put(held.id(), time.after(lease(held).dividedBy(12)));
    } finally {
      renewing.remove(held.id());
    }
  }

  private void lost(Held held) {
    boolean stillOurs =
        holdings.find(held.id()).filter(now -> now.state() == Held.State.ACTIVE).isPresent();
    if (stillOurs) {
      endings.end(
          held.epoch().task(),
          EndCause.LEASE_LOST,
          "Vault does not know the lease of " + held.id());
    }
  }

  private Duration lease(Held held) {
    return ceiling.lease(held.grant());
  }
}
