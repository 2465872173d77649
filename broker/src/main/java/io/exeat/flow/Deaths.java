package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.CredentialId;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Obituary;
import io.exeat.revoke.Revoker;
import io.exeat.task.EndCause;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Has what is to end revoked and, once it is proven dead, written down.
 *
 * <p>What nobody can take back is not revoked: that its end was asked for is on record at once,
 * that it has ended only when it has. Until then it keeps its epoch and its task from being over,
 * and nothing else waits for it.
 */
final class Deaths {
  private final Holdings holdings;
  private final Revoker revoker;
  private final Proofs proofs;
  private final AuditSink audit;

  /** Of what nobody can take back. */
  private final ConcurrentMap<CredentialId, CompletableFuture<Obituary>> lasting =
      new ConcurrentHashMap<>();

  /** Done for tasks of which nothing is left but such. */
  private final ConcurrentMap<TaskId, CompletableFuture<Void>> onlyLasting =
      new ConcurrentHashMap<>();

  Deaths(Holdings holdings, Proofs proofs, Steps steps) {
    this.holdings = holdings;
    this.proofs = proofs;
    this.revoker = steps.revoker();
    this.audit = steps.audit();
  }

  /** Ends one credential of an epoch that goes on. */
  CompletableFuture<Obituary> of(Held held, Proofs.Reason why) {
    return held.kind().isRecalled() ? end(held, why) : outlast(held, why);
  }

  private CompletableFuture<Obituary> end(Held held, Proofs.Reason why) {
    holdings.revoking(held.id());
    CompletableFuture<Obituary> death =
        revoker.end(new Condemned.OneCredential(held), why.agent(), holdings::secret);
    return death.thenApplyAsync(
        obituary -> {
          proofs.dead(held, why, obituary);
          return obituary;
        },
        Chains::onItsOwn);
  }

  /** Has it on record, once, that it cannot be recalled; unless it ends by itself now. */
  private CompletableFuture<Obituary> outlast(Held held, Proofs.Reason why) {
    return lasting.computeIfAbsent(
        held.id(),
        id -> {
          CompletableFuture<Obituary> death = end(held, why);
          if (!why.cause().equals(EndCause.EXPIRED.name())) {
            AuditEvent event =
                new AuditEvent.CannotBeRecalled(holdings.find(id).orElse(held), why.cause());
            Chains.onItsOwn(() -> audit.recordEnding(event));
          }
          return death;
        });
  }

  /**
   * Ends a whole epoch; returns when all of it is dead, and on record.
   *
   * @param recorded done when the record of its end is written or kept
   */
  void of(Condemned.WholeEpoch epoch, Proofs.Reason why, CompletableFuture<Void> recorded) {
    List<CompletableFuture<Obituary>> ends = new ArrayList<>();
    List<Held> recalled = new ArrayList<>();
    for (Held held : epoch.held()) {
      if (held.kind().isRecalled()) {
        recalled.add(held);
        holdings.revoking(held.id());
      } else {
        ends.add(outlast(held, why));
      }
    }
    Obituary obituary = revoker.end(epoch.with(recalled), why.agent(), holdings::secret).join();
    recorded.join();
    if (ends.isEmpty()) {
      proofs.dead(epoch, why, obituary);
    } else {
      recalled.forEach(held -> proofs.dead(held, why, obituary));
      proofs.dead(epoch.with(List.of()), why, outlasted(epoch.epoch().task(), ends, obituary));
    }
  }

  /** What was seen of all when the last has ended. */
  private Obituary outlasted(
      TaskId task, List<CompletableFuture<Obituary>> ends, Obituary recalled) {
    onlyLasting(task).complete(null);
    try {
      List<String> checks = new ArrayList<>(recalled.checks());
      List<Instant> deadAt = new ArrayList<>(List.of(recalled.deadAt()));
      for (CompletableFuture<Obituary> each : ends) {
        Obituary end = each.join();
        checks.addAll(end.checks());
        deadAt.add(end.deadAt());
      }
      return new Obituary(recalled.confirmedAt(), Collections.max(deadAt), checks);
    } finally {
      onlyLasting.remove(task);
    }
  }

  /** Done as soon as nothing is left of the task but what nobody can take back. */
  CompletableFuture<Void> onlyLasting(TaskId task) {
    return onlyLasting.computeIfAbsent(task, _ -> new CompletableFuture<>());
  }

  /** Whether that is so now. */
  boolean onlyLasts(TaskId task) {
    CompletableFuture<Void> it = onlyLasting.get(task);
    return it != null && it.isDone();
  }

  void forget(TaskId task) {
    onlyLasting.remove(task);
    holdings.of(task).forEach(held -> lasting.remove(held.id()));
  }
}
