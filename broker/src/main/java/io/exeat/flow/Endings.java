package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Obituary;
import io.exeat.revoke.Revoker;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every way in which something ends: a task, an epoch, a credential. What ends a task's things follows one
 * another, on virtual threads of its own: a change of scope first, then the end.
 */
final class Endings {
  private static final Logger LOG = LoggerFactory.getLogger(Endings.class);
  private static final Duration PAUSE = Duration.ofMillis(200);
  private static final Duration DRAIN = Duration.ofSeconds(1);

  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Exchange exchange;
  private final Revoker revoker;
  private final SecretsBackend backend;
  private final Holdings holdings;
  private final Journal journal;
  private final AuditSink audit;
  private final ConcurrentMap<TaskId, CompletableFuture<Void>> chains = new ConcurrentHashMap<>();

  Endings(
      Tasks tasks,
      Ceiling ceiling,
      Exchange exchange,
      Revoker revoker,
      SecretsBackend backend,
      Holdings holdings,
      Journal journal,
      AuditSink audit) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.exchange = exchange;
    this.revoker = revoker;
    this.backend = backend;
    this.holdings = holdings;
    this.journal = journal;
    this.audit = audit;
  }

  /** Ends the task; {@link #underWay} is done when everything that it ever held is proven dead. */
  void end(TaskId id, EndCause cause, String note) {
    Optional<Task> ending = tasks.ending(id, cause);
    if (ending.isEmpty()) {
      return;
    }
    audit.recordEnding(new AuditEvent.TaskEnding(id, cause, note));
    then(id, () -> bury(ending.get()));
  }

  /** Goes on with a task that another run of the broker left behind, as ENDING. */
  void resume(Task left) {
    audit.recordEnding(
        new AuditEvent.TaskEnding(left.id(), EndCause.BROKER_RESTARTED, "found in the journal"));
    then(left.id(), () -> bury(left));
  }

  /** Ends an epoch, other than its task's last one, that another run of the broker left behind. */
  void endLeftEpoch(Epoch epoch) {
    then(epoch.task(), () -> endEpoch(epoch));
  }

  /** Proves the epoch before {@code changing}'s dead, then opens the new one. */
  void change(Task changing) {
    audit.recordEnding(
        new AuditEvent.EpochClosed(previous(changing.epoch()), changing.scope()));
    then(changing.id(), () -> succeed(changing));
  }

  /** What is under way for the task; done when there is nothing. */
  CompletableFuture<Void> underWay(TaskId id) {
    return chains.getOrDefault(id, CompletableFuture.completedFuture(null));
  }

  /** Ends one credential of an epoch that goes on. */
  CompletableFuture<Obituary> release(Held held) {
    holdings.revoking(held.id());
    CompletableFuture<Obituary> death = revoker.end(new Condemned.OneCredential(held));
    return death.thenApplyAsync(
        obituary -> {
          buried(held, obituary);
          attempt("forget " + held.id(), () -> journal.dead(held.id(), obituary.deadAt()));
          return obituary;
        },
        Endings::onItsOwn);
  }

  private void bury(Task task) {
    endEpoch(task.epoch());
    Task ended = tasks.ended(task.id());
    audit.recordEnding(new AuditEvent.TaskEnded(ended));
  }

  private void succeed(Task changing) {
    endEpoch(previous(changing.epoch()));
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
        reason = warnOnce(reason, "Epoch " + changing.epoch() + " cannot open yet: " + e.getMessage());
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

  private void endEpoch(Epoch epoch) {
    drain(epoch);
    Optional<Condemned.WholeEpoch> condemned = exchange.condemn(epoch);
    if (condemned.isEmpty()) {
      return;
    }
    List<Held> held = condemned.get().held();
    held.forEach(one -> holdings.revoking(one.id()));
    Obituary obituary = revoker.end(condemned.get()).join();
    held.forEach(one -> buried(one, obituary));
    audit.recordEnding(new AuditEvent.EpochDead(epoch, obituary.checks()));
    attempt("settle " + epoch, () -> exchange.settled(epoch));
  }

  /** Nothing of the epoch is in flight any more; its token dies first, so that what is cannot succeed. */
  private void drain(Epoch epoch) {
    if (tasks.drained(epoch.task(), Duration.ZERO)) {
      return;
    }
    exchange
        .token(epoch)
        .ifPresent(token -> attempt("end the token of " + epoch, () -> backend.endToken(token)));
    while (!tasks.drained(epoch.task(), DRAIN)) {
      LOG.warn("Waiting for calls in flight under {}", epoch);
    }
  }

  private void buried(Held held, Obituary obituary) {
    holdings.revoked(held.id(), obituary.deadAt());
    holdings
        .find(held.id())
        .ifPresent(
            dead -> audit.recordEnding(new AuditEvent.CredentialDead(dead, obituary.checks())));
  }

  private static void attempt(String what, Runnable body) {
    try {
      body.run();
    } catch (FaultException e) {
      LOG.warn("Cannot {}: {}; a restart looks at it again", what, e.getMessage());
    }
  }

  private void then(TaskId id, Runnable work) {
    chains.compute(
        id,
        (key, before) -> {
          CompletableFuture<Void> first =
              before == null ? CompletableFuture.completedFuture(null) : before;
          return first
              .thenRunAsync(work, Endings::onItsOwn)
              .exceptionally(
                  e -> {
                    LOG.error("Ending what {} holds stopped on a defect", id, e);
                    return null;
                  });
        });
  }

  /** Forgets what is done. */
  void forget(TaskId id) {
    chains.computeIfPresent(id, (key, chain) -> chain.isDone() ? null : chain);
  }

  static FaultException changing(Task task, Optional<String> pending) {
    return new FaultException(
        new Fault.ScopeChanging(
            task.id(), pending.orElse("the new epoch is being opened"), PAUSE));
  }

  private static Epoch previous(Epoch epoch) {
    return new Epoch(epoch.task(), epoch.number() - 1);
  }

  private static void onItsOwn(Runnable work) {
    Thread.ofVirtual().name("ending").start(work);
  }
}
