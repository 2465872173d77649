package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.CredentialId;
import io.exeat.base.Durable;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import io.exeat.policy.Act;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Grant;
import io.exeat.task.Plan;
import io.exeat.task.Stay;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The story of each request of an agent: attest, look at the ceiling, decide, write down, exchange,
 * write down, answer. Whatever ends, ends in {@link Endings}.
 */
public final class Broker implements AgentRequests {
  private static final String CHECK = "Decisions.Check";
  private final Attestor attestor;
  private final Ceiling ceiling;
  private final Tasks tasks;
  private final Judge judge;
  private final Exchange exchange;
  private final Budgets budgets;
  private final Endings endings;
  private final Recovery recovery;
  private final Kills kills;
  private final Views views;
  private final AuditSink audit;
  private final Presence presence;
  private final Figures figures;
  private final Refusals refusals;
  private final Lending lending;
  private final Replays<String, OpenTask, TaskId> opened = new Replays<>();

  Broker(Steps steps, Office office) {
    this.attestor = steps.attestor();
    this.audit = steps.audit();
    this.ceiling = office.ceiling();
    this.tasks = office.tasks();
    this.exchange = office.exchange();
    this.budgets = office.budgets();
    this.endings = office.endings();
    this.recovery = office.recovery();
    this.kills = office.kills();
    this.views = office.views();
    this.figures = office.figures();
    this.refusals = new Refusals(audit, figures, steps.time());
    Questions questions = new Questions(tasks, ceiling, steps.time());
    Asking asking = new Asking(steps.policy(), audit, refusals, office.approving());
    this.judge = new Judge(tasks, ceiling, questions, asking);
    this.lending = new Lending(office, judge);
    this.presence = new Presence(attestor, tasks, endings);
  }

  @Override
  public Opened open(Peer peer, OpenTask ask) {
    return story(
        peer,
        "Tasks.Open",
        Optional.empty(),
        agent -> {
          String owner =
              ask.binding() == Binding.PROCESS ? agent.toString() : agent.id().toString();
          TaskId id = opened.once(owner, ask.idempotencyKey(), ask, () -> begin(peer, agent, ask));
          Optional<Issued> issued =
              ask.issue().map(grant -> lending.withTask(peer, agent, id, grant));
          return new Opened(views.of(tasks.get(agent, id)), issued);
        });
  }

  private TaskId begin(Peer peer, Agent agent, OpenTask ask) {
    kills.requireAlive(agent);
    Plan plan = ceiling.plan(agent, ask);
    plan.parent().ifPresent(parent -> tasks.get(agent, parent)); // another's is unknown
    List<Grant> grants = ceiling.grants(ask.scope());
    recovery.requireSettled(grants.stream().map(Grant::target).collect(Collectors.toSet()));
    TaskId id = budgets.inTurn(plan.entry(), () -> begin(peer, plan, grants));
    try {
      ask.issue().ifPresent(grant -> lending.withTask(peer, agent, id, grant));
      return id;
    } catch (RuntimeException | Error e) {
      endings.end(id, EndCause.CANCELLED, "the credential asked for with it could not be issued");
      throw e;
    }
  }

  private TaskId begin(Peer peer, Plan plan, List<Grant> grants) {
    budgets.widening(plan.entry());
    Durable permitted = judge.open(peer, plan);
    Task task = budgets.inScope(grants, () -> tasks.opening(plan));
    try {
      kills.requireAlive(task.agent()); // one that comes later finds the task
      Durable recorded = audit.begin(new AuditEvent.TaskOpened(task));
      exchange.openEpoch(task, plan.entry(), grants);
      permitted.await();
      recorded.await();
    } catch (AnswerLost e) {
      giveUp(task);
      throw e.toFault();
    } catch (RuntimeException | Error e) {
      giveUp(task);
      throw e;
    }
    if (!tasks.opened(task.id())) {
      requireOpen(tasks.get(plan.agent(), task.id()));
    }
    presence.endWhenGone(task);
    return task.id();
  }

  /** Nobody has the handle, so whatever exists of it must end. */
  private void giveUp(Task task) {
    tasks.notOpened(task.id());
    endings.end(task.id(), EndCause.CANCELLED, "it could not be opened");
  }

  @Override
  public Issued issue(Peer peer, TaskId id, String grant, long epoch, String idempotencyKey) {
    return story(
        peer,
        "Credentials.Issue",
        Optional.of(id),
        agent -> lending.issue(peer, agent, id, grant, epoch, idempotencyKey));
  }

  @Override
  public Judging judging(Peer peer, TaskId id, Act act) {
    long begun = figures.begin();
    Optional<TaskId> task = Optional.of(id);
    return attested(
        peer,
        CHECK,
        task,
        agent -> {
          Stay stay = tasks.enter(agent, id, 0);
          try {
            return new OnItsWay(
                judge.begin(peer, stay.task(), act),
                stay,
                () -> figures.answered(CHECK, begun),
                refused -> refused(CHECK, agent.id().toString(), task, refused));
          } catch (RuntimeException | Error e) {
            stay.close();
            throw e;
          }
        });
  }

  @Override
  public boolean judgesFromMemory() {
    return judge.isFromMemory();
  }

  @Override
  public TaskView changeScope(
      Peer peer, TaskId id, Set<String> scope, long epoch, Duration within) {
    return story(
        peer,
        "Tasks.ChangeScope",
        Optional.of(id),
        agent -> {
          Task before = tasks.get(agent, id);
          ceiling.requireScope(agent, scope);
          List<Grant> coming =
              ceiling.grants(scope).stream()
                  .filter(grant -> !before.scope().contains(grant.name()))
                  .toList();
          if (!coming.isEmpty()) {
            budgets.widening(ceiling.entry(agent));
          }
          judge.rescope(peer, before, scope);
          budgets.inScope(coming, () -> endings.changeScope(agent, id, scope, epoch));
          return views.of(requireOpen(views.settledWithin(id, within)));
        });
  }

  private Task requireOpen(Task task) {
    return switch (task.state()) {
      case OPEN -> task;
      case OPENING, CHANGING -> throw Endings.changing(task, views.pending(task.id()));
      case ENDING, ENDED ->
          throw new FaultException(
              new Fault.TaskEnded(task.id(), task.end().orElseThrow().cause().name()));
    };
  }

  @Override
  public TaskView end(Peer peer, TaskId id, EndCause cause, String note, Duration within) {
    return story(
        peer,
        "Tasks.End",
        Optional.of(id),
        agent -> {
          tasks.get(agent, id);
          endings.end(id, cause, note);
          return views.of(views.settledWithin(id, within));
        });
  }

  @Override
  public Held release(Peer peer, TaskId id, CredentialId credential, Duration within) {
    return story(
        peer,
        "Credentials.Release",
        Optional.of(id),
        agent -> {
          tasks.get(agent, id);
          Held held = views.held(id, credential);
          if (held.state() != Held.State.REVOKED) {
            views.await(endings.release(held), held.kind().isRecalled() ? within : Duration.ZERO);
          }
          return views.held(credential);
        });
  }

  @Override
  public TaskView get(Peer peer, TaskId id) {
    return story(peer, "Tasks.Get", Optional.of(id), agent -> views.of(tasks.get(agent, id)));
  }

  @Override
  public Subscription watch(Peer peer, TaskId id, long after, Consumer<TaskEvent> listener) {
    return story(
        peer, "Tasks.Watch", Optional.of(id), agent -> tasks.watch(agent, id, after, listener));
  }

  Judge judge() {
    return judge;
  }

  /** What happens by itself, with each tick. */
  void tick() {
    refusals.tick();
  }

  /** Forgets repeated calls about tasks that are not remembered any more. */
  void forget(Set<TaskId> tasksForgotten) {
    opened.forget(tasksForgotten::contains);
    lending.forget(tasksForgotten);
    judge.forget(tasksForgotten);
  }

  /** A door refused before it asked. Who forks does not have more of it recorded. */
  void refused(Peer peer, String method, Optional<TaskId> task, Fault fault) {
    String caller = Views.describe(peer);
    String who = peer instanceof Peer.Local local ? "uid " + local.uid() : caller;
    refusals.add(who, new AuditEvent.Refused(method, caller, task, fault));
  }

  /** Attests first; has recorded what is refused, and counts what is answered. */
  <T> T story(Peer peer, String method, Optional<TaskId> task, Function<Agent, T> body) {
    return attested(
        peer,
        method,
        task,
        agent -> {
          long begun = figures.begin();
          T answer = body.apply(agent);
          figures.answered(method, begun);
          return answer;
        });
  }

  private <T> T attested(Peer peer, String method, Optional<TaskId> task, Function<Agent, T> body) {
    Agent agent = null;
    try {
      agent = attestor.attest(peer);
      return body.apply(agent);
    } catch (FaultException e) {
      refused(method, agent == null ? Views.describe(peer) : agent.id().toString(), task, e);
      throw e;
    }
  }

  private void refused(String method, String caller, Optional<TaskId> task, FaultException why) {
    refusals.add(caller, new AuditEvent.Refused(method, caller, task, why.fault()));
  }
}
