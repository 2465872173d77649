package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.credential.SecretsBackend;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Obituary;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every way in which something ends: a task, an epoch, a credential.
 *
 * <p>A task's endings follow one another in its {@link Chains chain}, in the order of its states: a
 * change of scope first, then the end. Calls return at once; revoking does not wait for the audit's
 * disk, but nothing is recorded as dead before its end is recorded.
 */
final class Endings {
  private static final Logger LOG = LoggerFactory.getLogger(Endings.class);
  private static final Duration PAUSE = Duration.ofMillis(200);
  private static final Duration DRAIN = Duration.ofSeconds(1);

  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Exchange exchange;
  private final SecretsBackend backend;
  private final AuditSink audit;
  private final Time time;
  private final Deaths deaths;
  private final Chains chains = new Chains();
  private final Parts parts;

  Endings(
      Tasks tasks,
      Ceiling ceiling,
      Exchange exchange,
      Holdings holdings,
      Proofs proofs,
      Steps steps) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.exchange = exchange;
    this.backend = steps.backend();
    this.audit = steps.audit();
    this.time = steps.time();
    this.deaths = new Deaths(holdings, proofs, steps);
    this.parts = new Parts(tasks, chains, this::end);
  }

  /**
   * Ends the task, if it is not ending yet; {@link #underWay} is done when everything that it ever
   * held is proven dead.
   */
  void end(TaskId id, EndCause cause, String note) {
    chains.add(
        id,
        () ->
            tasks
                .ending(id, cause)
                .map(task -> {
                  AuditEvent event = new AuditEvent.TaskEnding(id, cause, note);
                  return told(() -> exchange.ending(id, cause), event, end -> bury(task, end));
                }));
    parts.endWith(id);
  }

  /** Goes on with a task that another run of the broker left behind, as ENDING. */
  void resume(Task left) {
    EndCause cause = left.end().orElseThrow().cause();
    AuditEvent event = new AuditEvent.TaskEnding(left.id(), cause, "found in the journal");
    chains.add(left.id(), () -> Optional.of(told(() -> {}, event, end -> bury(left, end))));
  }

  /**
   * Proves the open epoch dead, then opens one that holds {@code scope}.
   *
   * @throws FaultException as {@link Tasks#closeEpoch}
   */
  CompletableFuture<Void> changeScope(Agent agent, TaskId id, Set<String> scope, long epoch) {
    chains.add(
        id,
        () ->
            tasks
                .closeEpoch(agent, id, scope, epoch)
                .map(changing -> change(changing, "SCOPE_CHANGED")));
    tasks.find(id).ifPresent(parts::endWider);
    return underWay(id);
  }

  /** Proves the epoch dead and opens one like it, if it is the open one. */
  void replaceEpoch(Epoch epoch) {
    chains.add(
        epoch.task(),
        () ->
            tasks
                .replaceEpoch(epoch.task(), epoch.number())
                .map(changing -> change(changing, "EPOCH_REPLACED")));
  }

  private Runnable change(Task changing, String cause) {
    Epoch old = new Epoch(changing.id(), changing.epoch().number() - 1);
    AuditEvent event = new AuditEvent.EpochClosed(old, changing.scope());
    Proofs.Reason why = new Proofs.Reason(changing.agent().id(), cause, time.now());
    return told(
        () -> {},
        event,
        recorded -> {
          drain(changing.id());
          endEpoch(old, why, recorded);
          succeed(changing);
        });
  }

  private SpiffeId agentOf(TaskId id) {
    return tasks
        .find(id)
        .map(task -> task.agent().id())
        .orElseThrow(() -> new FaultException(new Fault.NoSuchTask(id)));
  }

  /** What is under way for the task; done when there is nothing. */
  CompletableFuture<Void> underWay(TaskId id) {
    return chains.of(id);
  }

  /** The same, but not waiting for what nobody can take back. */
  CompletableFuture<?> recalled(TaskId id) {
    CompletableFuture<Void> all = underWay(id);
    return all.isDone() ? all : CompletableFuture.anyOf(all, deaths.onlyLasting(id));
  }

  /** Whether what is left of the task cannot be taken back, and is all that is left. */
  boolean onlyLasts(TaskId id) {
    return deaths.onlyLasts(id);
  }

  /** Forgets what is done. */
  void forget(TaskId id) {
    chains.forget(id);
    deaths.forget(id);
  }

  /** Ends one credential of an epoch that goes on. */
  CompletableFuture<Obituary> release(Held held) {
    return release(held, "RELEASED");
  }

  /** What has ended by itself is proven dead, though its epoch goes on. Returns at once. */
  void expired(Held held) {
    CompletableFuture<Obituary> _ = release(held, EndCause.EXPIRED.name());
  }

  /** Ends what was lent and could not be written down: nobody has it. Returns at once. */
  void takeBack(Held held) {
    CompletableFuture<Obituary> _ = release(held, "NOT_RECORDED");
  }

  private CompletableFuture<Obituary> release(Held held, String cause) {
    Proofs.Reason why = new Proofs.Reason(agentOf(held.epoch().task()), cause, time.now());
    return deaths.of(held, why);
  }

  private interface Work {
    /**
     * @param recorded done when the record of the end is written or kept
     */
    void run(CompletableFuture<Void> recorded);
  }

  /** The work, with its event being written down and recorded beside it from now on. */
  private Runnable told(Runnable written, AuditEvent event, Work work) {
    CompletableFuture<Void> recorded =
        CompletableFuture.runAsync(
            () -> {
              written.run();
              audit.recordEnding(event);
            },
            Chains::onItsOwn);
    return () -> work.run(recorded);
  }

  /** Every epoch that the task has anything of, whatever became of its changes. */
  private void bury(Task task, CompletableFuture<Void> recorded) {
    Task.End end = task.end().orElseThrow();
    Proofs.Reason why = new Proofs.Reason(task.agent().id(), end.cause().name(), end.at());
    while (!tasks.drained(task.id(), Duration.ZERO) || !exchange.of(task.id()).isEmpty()) {
      drain(task.id());
      exchange.of(task.id()).forEach(epoch -> endEpoch(epoch, why, recorded));
    }
    parts.endWith(task.id());
    parts.awaitEnds(task.id());
    recorded.join();
    Task ended = tasks.ended(task.id());
    audit.recordEnding(new AuditEvent.TaskEnded(ended));
  }

  private void succeed(Task changing) {
    parts.endWider(changing);
    parts.awaitWider(changing);
    String reason = "";
    while (isChanging(changing)) {
      try {
        exchange.openEpoch(
            changing, ceiling.entry(changing.agent()), ceiling.grants(changing.scope()));
        audit.record(new AuditEvent.EpochOpened(changing));
        tasks.openEpoch(changing.id()); // ended meanwhile: the end comes next and buries this epoch
        return;
      } catch (FaultException e) {
        if (!(e.fault() instanceof Fault.Unavailable)) {
          end(changing.id(), EndCause.LEASE_LOST, "its new epoch was refused: " + e.getMessage());
          return;
        }
        reason =
            warnOnce(reason, "Epoch " + changing.epoch() + " cannot open yet: " + e.getMessage());
        LockSupport.parkNanos(PAUSE.toNanos());
      } catch (AnswerLost e) {
        end(changing.id(), EndCause.LEASE_LOST, "the answer to its new token was lost");
        return;
      }
    }
  }

  private static String warnOnce(String before, String now) {
    if (!now.equals(before)) {
      LOG.warn(now);
    }
    return now;
  }

  private boolean isChanging(Task changing) {
    return tasks
        .find(changing.id())
        .filter(now -> now.state() == Task.State.CHANGING && now.epoch().equals(changing.epoch()))
        .isPresent();
  }

  private void endEpoch(Epoch epoch, Proofs.Reason why, CompletableFuture<Void> recorded) {
    Optional<Condemned.WholeEpoch> condemned = exchange.condemn(epoch);
    if (condemned.isEmpty()) {
      return;
    }
    deaths.of(condemned.get(), why, recorded);
    exchange.forget(epoch);
  }

  /**
   * Nothing of the task is in flight any more; its tokens die first, so that what is cannot
   * succeed.
   */
  private void drain(TaskId id) {
    if (tasks.drained(id, Duration.ZERO)) {
      return;
    }
    exchange.of(id).stream()
        .flatMap(epoch -> exchange.token(epoch).stream())
        .forEach(
            token -> attempt("end a token of " + id + " ahead", () -> backend.endToken(token)));
    while (!tasks.drained(id, DRAIN)) {
      LOG.warn("Waiting for calls in flight under {}", id);
    }
  }

  private static void attempt(String what, Runnable body) {
    try {
      body.run();
    } catch (FaultException e) {
      LOG.warn("Cannot {}: {}", what, e.getMessage());
    }
  }

  static FaultException changing(Task task, Optional<String> pending) {
    return new FaultException(
        new Fault.ScopeChanging(task.id(), pending.orElse("the new epoch is being opened"), PAUSE));
  }
}
