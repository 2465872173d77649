package io.exeat.flow;

import io.exeat.approve.ApprovalRequest;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.revoke.Revoker;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** What operators ask: to see, and to end. Ending never waits for anything that issuing needs. */
public final class Desk implements OperatorRequests {
  private final Tasks tasks;
  private final Holdings holdings;
  private final Endings endings;
  private final Kills kills;
  private final Approving approving;
  private final Views views;
  private final Revoker revoker;
  private final AuditSink audit;
  private final Supplier<Vitals> health;

  Desk(Office office, Holdings holdings, Steps steps, Supplier<Vitals> health) {
    this.tasks = office.tasks();
    this.holdings = holdings;
    this.endings = office.endings();
    this.kills = office.kills();
    this.approving = office.approving();
    this.views = office.views();
    this.revoker = steps.revoker();
    this.audit = steps.audit();
    this.health = health;
  }

  @Override
  public List<TaskView> list(
      Operator operator, Optional<SpiffeId> agent, boolean ended, int limit) {
    return tasks.all().stream()
        .filter(task -> agent.isEmpty() || agent.get().equals(task.agent().id()))
        .filter(task -> ended || task.state() != Task.State.ENDED)
        .limit(limit)
        .map(views::of)
        .toList();
  }

  @Override
  public Revoked revoke(Operator operator, Named named, String reason, Duration within) {
    AuditEvent event =
        new AuditEvent.OperatorActed(operator.who(), "revoke", named.toString(), reason);
    Chains.onItsOwn(() -> audit.recordEnding(event)); // ending waits for no disk
    return switch (named) {
      case Named.Lease lease -> release(lease, within);
      case Named.One one -> end(List.of(known(one.task())), operator, reason, within);
      case Named.Tree tree -> end(tree(tasks.root(known(tree.task()))), operator, reason, within);
      case Named.Holding holding ->
          end(
              tasks.all().stream().filter(task -> task.scope().contains(holding.grant())).toList(),
              operator,
              reason,
              within);
      case Named.OfAgent of ->
          end(
              tasks.all().stream().filter(task -> task.agent().id().equals(of.agent())).toList(),
              operator,
              reason,
              within);
      case Named.Everything everything -> end(tasks.all(), operator, reason, within);
    };
  }

  private List<Task> tree(Task root) {
    List<Task> tree = new ArrayList<>(List.of(root));
    for (int i = 0; i < tree.size(); i++) {
      tree.addAll(tasks.below(tree.get(i).id()));
    }
    return tree;
  }

  @Override
  public Stopped kill(Operator operator, SpiffeId agent, String reason, Duration within) {
    Kills.UnderWay stopping = kills.kill(agent, operator, reason);
    approving.forget(agent);
    CompletableFuture<?>[] all =
        Stream.concat(
                Stream.of(stopping.enforced()),
                stopping.had().stream().map(task -> endings.recalled(task.id())))
            .toArray(CompletableFuture[]::new);
    views.await(CompletableFuture.allOf(all), within);
    return new Stopped(
        count(stopping.had(), 0), stopping.stop().view(), stopping.stop().isRecorded());
  }

  @Override
  public Restoration restore(Operator operator, SpiffeId agent, String reason, Duration within) {
    return switch (kills.restore(agent, operator, reason)) {
      case Kills.Asked.Waits waits -> new Restoration.WaitsForAnother(waits.request().until());
      case Kills.Asked.Begun begun -> {
        views.await(begun.done(), within);
        boolean stopped = kills.all().stream().anyMatch(it -> it.kill().agent().equals(agent));
        yield stopped
            ? new Restoration.UnderWay(begun.stop().view().pending().orElse("it is under way"))
            : new Restoration.Done();
      }
    };
  }

  @Override
  public List<Killed> killed(Operator operator) {
    return kills.all();
  }

  @Override
  public List<ApprovalRequest> waiting(Approver approver) {
    return approving.waiting(approver);
  }

  @Override
  public ApprovalRequest approve(
      Approver approver, DecisionId asked, Duration validFor, String reason) {
    return approving.approve(approver, asked, validFor, reason);
  }

  @Override
  public void reject(Approver approver, DecisionId asked, String reason) {
    approving.reject(approver, asked, reason);
  }

  private Revoked end(List<Task> named, Operator operator, String reason, Duration within) {
    List<Task> live = named.stream().filter(task -> task.state() != Task.State.ENDED).toList();
    String note = "by " + operator.who() + (reason.isEmpty() ? "" : ": " + reason);
    live.forEach(task -> endings.end(task.id(), EndCause.OPERATOR, note));
    CompletableFuture<?>[] ends =
        live.stream().map(task -> endings.recalled(task.id())).toArray(CompletableFuture[]::new);
    views.await(CompletableFuture.allOf(ends), within);
    return count(live, named.size() - live.size());
  }

  private Revoked count(List<Task> live, int alreadyEnded) {
    Map<TaskId, String> pending = new LinkedHashMap<>();
    for (Task task : live) {
      boolean ended =
          tasks.find(task.id()).map(now -> now.state() == Task.State.ENDED).orElse(true);
      if (!ended) {
        pending.put(task.id(), views.pending(task.id()).orElse("being revoked"));
      }
    }
    return new Revoked(live.size(), live.size() - pending.size(), pending, alreadyEnded);
  }

  @Override
  public List<AuditEvent.ReceiptSigned> receipts(Operator operator, TaskId task, int most) {
    return audit.receipts(task, most);
  }

  private Revoked release(Named.Lease lease, Duration within) {
    Held held =
        holdings.all().stream()
            .filter(one ->
                one.id().value().equals(lease.handle())
                    || one.lease().value().equals(lease.handle()))
            .findAny()
            .orElseThrow(() ->
                new FaultException(
                    new Fault.Malformed("lease", "no credential or lease of this broker's")));
    if (held.state() == Held.State.REVOKED) {
      return new Revoked(0, 0, Map.of(), 1);
    }
    views.await(endings.release(held), held.kind().isRecalled() ? within : Duration.ZERO);
    boolean dead = views.held(held.id()).state() == Held.State.REVOKED;
    TaskId task = held.epoch().task();
    return dead
        ? new Revoked(1, 1, Map.of(), 0)
        : new Revoked(1, 0, Map.of(task, views.pending(task).orElse("being revoked")), 0);
  }

  private Task known(TaskId id) {
    return tasks.find(id).orElseThrow(() -> new FaultException(new Fault.NoSuchTask(id)));
  }

  @Override
  public Status status(Operator operator) {
    Vitals now = health.get();
    return new Status(
        now.version(),
        now.spiffeId(),
        now.svidExpiresAt(),
        now.uptime(),
        counts(),
        now.dependencies(),
        now.policy(),
        revoker.pending());
  }

  Status.Counts counts() {
    List<Task> all = tasks.all();
    List<Held> held = holdings.all();
    return new Status.Counts(
        (int) all.stream().filter(task -> task.end().isEmpty()).count(),
        (int) all.stream().filter(task -> task.state() == Task.State.ENDING).count(),
        (int) held.stream().filter(one -> one.state() == Held.State.ACTIVE).count(),
        (int) held.stream().filter(one -> one.state() == Held.State.REVOKING).count());
  }
}
