package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Durable;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.credential.Lent;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.revoke.Condemned;
import io.exeat.task.AgentEntry;
import io.exeat.task.EndCause;
import io.exeat.task.Grant;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;

/**
 * The exchange of a task's leave for credentials, written down in time: the epoch and its token's
 * accessor before anything is issued, the lease and the audit record before the agent has the
 * credential. The disk works while Vault or the agent does, and journal and audit side by side.
 */
final class Exchange {
  private final Tasks tasks;
  private final SecretsBackend backend;
  private final Journal journal;
  private final AuditSink audit;
  private final Holdings holdings;
  private final Clocks clocks;
  private final Time time;

  /** Those of one task stand side by side, oldest first: there may be ten thousand others. */
  private final ConcurrentNavigableMap<Epoch, Opened> epochs =
      new ConcurrentSkipListMap<>(
          Comparator.comparing((Epoch it) -> it.task().value()).thenComparingLong(Epoch::number));

  /**
   * An epoch that may have something.
   *
   * @param targets where
   * @param token under which
   * @param bound awaited before anything is issued under the token
   */
  private record Opened(Set<String> targets, Optional<Accessor> token, Durable bound) {
    Opened(Set<String> targets) {
      this(targets, Optional.empty(), () -> {});
    }

    Opened with(Accessor token, Durable bound) {
      return new Opened(targets, Optional.of(token), bound);
    }
  }

  Exchange(Tasks tasks, Holdings holdings, Steps steps) {
    this.tasks = tasks;
    this.backend = steps.backend();
    this.journal = steps.journal();
    this.audit = steps.audit();
    this.holdings = holdings;
    this.clocks = new Clocks(steps.backend()::clockAhead, steps.revoker().clocks(), steps.time());
    this.time = steps.time();
  }

  /**
   * Gives the task's epoch its Vault token; an epoch of which no grant lends anything needs none.
   * Called again after a failure it goes on where it stopped: an epoch never gets a second token.
   *
   * @throws FaultException Unavailable JOURNAL or VAULT, whose clock may be off
   * @throws io.exeat.credential.AnswerLost when the token may exist
   */
  void openEpoch(Task task, AgentEntry entry, List<Grant> held) {
    List<Grant> grants = held.stream().filter(Grant::lends).toList();
    if (grants.isEmpty()) {
      return;
    }
    Epoch epoch = task.epoch();
    clocks.requireTrue(List.of());
    Set<String> targets =
        grants.stream().map(Grant::target).collect(Collectors.toUnmodifiableSet());
    Durable intended = journal.intend(epoch, task.agent().id(), targets);
    Opened opened = epochs.computeIfAbsent(epoch, _ -> new Opened(targets));
    EpochToken token = holdings.token(epoch).orElseGet(() -> newToken(task, entry, grants, opened));
    intended.await();
    Durable bound = journal.bind(epoch, token.accessor());
    epochs.computeIfPresent(epoch, (_, now) -> now.with(token.accessor(), bound));
  }

  private EpochToken newToken(Task task, AgentEntry entry, List<Grant> grants, Opened opened) {
    Epoch epoch = task.epoch();
    List<TaskId> lineage = tasks.lineage(task.id());
    EpochToken token =
        backend.openEpoch(
            epoch,
            lineage.subList(1, lineage.size()),
            entry,
            grants,
            time.until(task.deadlineTick()));
    epochs.put(epoch, opened.with(token.accessor(), opened.bound()));
    holdings.keep(token);
    return token;
  }

  /**
   * Issues one credential under the task's open epoch.
   *
   * @param allowed whose record is awaited before this returns
   * @throws FaultException Unavailable VAULT, TARGET or JOURNAL: nothing was lent
   * @throws io.exeat.credential.AnswerLost when the credential may exist
   * @throws NotRecorded when it does, and journal or audit refused it
   */
  Held issue(Task task, Grant grant, Allowed allowed) {
    EpochToken token =
        holdings
            .token(task.epoch())
            .orElseThrow(() -> new FaultException(new Fault.OutOfScope(task.id(), grant.name())));
    Optional.ofNullable(epochs.get(task.epoch())).ifPresent(opened -> opened.bound().await());
    clocks.requireTrue(List.of(grant.target()));
    requireJournal();
    Lent lent = backend.issue(token, grant);
    Held held =
        new Held(
            CredentialId.random(),
            task.epoch(),
            grant.name(),
            grant.target(),
            lent.lease(),
            lent.principal(),
            Held.Kind.of(grant),
            Held.State.ACTIVE,
            time.now(),
            lent.expiresAt(),
            Optional.empty());
    holdings.keep(held, lent.secret());
    try {
      Durable lentDown = journal.lent(held);
      String agent = task.agent().id().toString();
      audit.record(new AuditEvent.CredentialIssued(held, agent, allowed.decision()));
      allowed.recorded().await();
      lentDown.await();
      return held;
    } catch (RuntimeException e) {
      throw new NotRecorded(held, e);
    }
  }

  /** What could not be written down is not asked for. */
  private void requireJournal() {
    journal
        .problem()
        .ifPresent(why -> {
          Duration soon = Duration.ofSeconds(1);
          throw new FaultException(new Fault.Unavailable(Fault.Dependency.JOURNAL, why, soon));
        });
  }

  /** Writes down that everything of the task is to end, so that a crash does not lose why. */
  void ending(TaskId task, EndCause cause) {
    of(task).forEach(epoch -> journal.ending(epoch, cause.name()));
  }

  /** Takes in an epoch that another run of the broker left behind. */
  void adopt(Journal.Outstanding left) {
    epochs.put(left.epoch(), new Opened(left.targets(), left.token(), () -> {}));
    left.credentials().forEach(holdings::settle);
  }

  /** What has to end with the epoch; empty when it never could have had anything, or is settled. */
  Optional<Condemned.WholeEpoch> condemn(Epoch epoch) {
    return Optional.ofNullable(epochs.get(epoch))
        .map(opened ->
            new Condemned.WholeEpoch(
                epoch, opened.token(), holdings.outstanding(epoch), opened.targets()));
  }

  /** Every epoch of the task that may have something, oldest first. */
  List<Epoch> of(TaskId task) {
    return List.copyOf(
        epochs.subMap(new Epoch(task, 1), true, new Epoch(task, Long.MAX_VALUE), true).keySet());
  }

  /** The epoch's token, for ending it ahead of the rest. */
  Optional<Accessor> token(Epoch epoch) {
    return Optional.ofNullable(epochs.get(epoch)).flatMap(Opened::token);
  }

  /** Everything of the epoch is proven dead: there is nothing to be done for it here. */
  void forget(Epoch epoch) {
    holdings.drop(epoch);
    epochs.remove(epoch);
  }
}
