package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.task.AgentEntry;
import io.exeat.task.Binding;
import io.exeat.task.Grant;
import io.exeat.task.Stay;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import io.exeat.task.Tasks;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;

/**
 * The story of an act that a proxy does: attest, look at the ceiling, decide, write down, and lend
 * what it needs to the proxy. One credential serves every act under one grant of one epoch.
 */
final class Uses implements ProxyRequests {
  private static final String METHOD = "Proxy.Use";

  private final AuditSink audit;
  private final Broker broker;
  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Judge judge;
  private final Foresight foresight;
  private final Exchange exchange;
  private final Budgets budgets;
  private final Endings endings;
  private final Views views;
  private final ConcurrentMap<Key, Line> lines = new ConcurrentHashMap<>();
  private final ConcurrentMap<CredentialId, Line> byCredential = new ConcurrentHashMap<>();
  private final Replays<Line, String, CredentialId> lent = new Replays<>();

  private record Key(Epoch epoch, String grant) {}

  /** What all acts under one grant of one epoch share; compared by identity. */
  private static final class Line {
    final Key key;
    final CutOff cutOff = new CutOff();
    volatile Subscription watch = () -> {};

    Line(Key key) {
      this.key = key;
    }
  }

  Uses(Office office, Broker broker, Holdings holdings, Steps steps) {
    this.audit = steps.audit();
    this.broker = broker;
    this.tasks = office.tasks();
    this.ceiling = office.ceiling();
    this.judge = broker.judge();
    this.foresight = new Foresight(broker, steps.attestor(), tasks);
    this.exchange = office.exchange();
    this.budgets = office.budgets();
    this.endings = office.endings();
    this.views = office.views();
    holdings.onRevoking(this::revoking);
  }

  @Override
  public TaskId meant(Peer peer, Optional<TaskId> named) {
    return broker.story(
        peer,
        "Proxy.Task",
        named,
        agent -> named.map(it -> tasks.get(agent, it).id()).orElseGet(() -> only(agent)));
  }

  private TaskId only(Agent agent) {
    List<Task> own =
        tasks.live().stream()
            .filter(task -> isOf(agent, task))
            .filter(task -> task.state() == Task.State.OPEN || task.state() == Task.State.CHANGING)
            .limit(2)
            .toList();
    if (own.size() != 1) {
      String problem =
          own.isEmpty()
              ? "must be there: the agent has no open task; open one first"
              : "must name one of the agent's open tasks, of which there are several";
      throw new FaultException(new Fault.Malformed("task", problem));
    }
    return own.getFirst().id();
  }

  private static boolean isOf(Agent agent, Task task) {
    return task.binding() == Binding.PROCESS
        ? task.agent().equals(agent)
        : task.agent().id().equals(agent.id());
  }

  @Override
  public Use use(Peer peer, TaskId id, Act act) {
    return story(peer, id, act, task -> judge.act(peer, task, act));
  }

  @Override
  public Use look(Peer peer, TaskId id, Act act) {
    return story(peer, id, act, task -> judge.look(peer, task, act));
  }

  private interface Judging {
    Judged judge(Task task);
  }

  private record Decided(Task task, Judged judged) {}

  private Use story(Peer peer, TaskId id, Act act, Judging judging) {
    String grant =
        act.grant().orElseThrow(() -> new IllegalArgumentException("the act names no grant"));
    return broker.story(
        peer,
        METHOD,
        Optional.of(id),
        agent -> {
          Decided decided = decided(agent, id, judging);
          return given(agent, decided.task(), ceiling.grant(grant), decided.judged());
        });
  }

  /** What came too late for its epoch is not under way. */
  private Decided decided(Agent agent, TaskId id, Judging judging) {
    try (Stay stay = tasks.enter(agent, id, 0)) {
      Judged judged = judging.judge(stay.task());
      try {
        stay.requireStillOpen();
      } catch (FaultException e) {
        judged.allowed().ifPresent(Allowed::done);
        throw e;
      }
      return new Decided(stay.task(), judged);
    }
  }

  private Use given(Agent agent, Task task, Grant grant, Judged judged) {
    Optional<Allowed> allowed = judged.allowed();
    if (allowed.isEmpty()) {
      return new Use(judged, task.epoch(), Optional.empty(), new CutOff(), _ -> {});
    }
    Consumer<String> answered =
        sha256 -> {
          allowed.get().answered(sha256);
          var event = new AuditEvent.Answered(judged.id(), task.id(), sha256);
          audit.recordSoon(event); // it has happened
        };
    try {
      Line line = line(agent, new Key(task.epoch(), grant.name()));
      if (!grant.lends()) {
        return new Use(judged, task.epoch(), Optional.empty(), line.cutOff, answered);
      }
      CredentialId id =
          lent.once(line, "", grant.name(), () -> lend(agent, task, grant, line, allowed.get()));
      Held held = views.held(id);
      Issued issued = new Issued(held, ceiling.target(held.target()), views.secret(id));
      return new Use(judged, task.epoch(), Optional.of(issued), line.cutOff, answered);
    } catch (RuntimeException | Error e) {
      allowed.get().done();
      throw e;
    }
  }

  private CredentialId lend(Agent agent, Task task, Grant grant, Line line, Allowed allowed) {
    AgentEntry entry = ceiling.entry(agent);
    long epoch = task.epoch().number();
    return budgets.inTurn(
        entry,
        () ->
            tasks.during(
                agent,
                task.id(),
                epoch,
                now -> {
                  views.requireRoom(now.id(), Lending.MOST_LIVE);
                  return budgets.issuing(entry, grant, () -> issue(now, grant, line, allowed));
                }));
  }

  private CredentialId issue(Task task, Grant grant, Line line, Allowed allowed) {
    try {
      Held held = exchange.issue(task, grant, allowed);
      byCredential.put(held.id(), line);
      if (views.held(held.id()).state() != Held.State.ACTIVE) {
        revoking(held.id()); // between the two lines above
      }
      return held.id();
    } catch (AnswerLost e) {
      endings.replaceEpoch(task.epoch());
      throw e.toFault();
    } catch (NotRecorded e) {
      endings.takeBack(e.lent());
      throw e.refusal();
    }
  }

  private Line line(Agent agent, Key key) {
    Line there = lines.get(key);
    if (there != null) {
      return there;
    }
    Line fresh = new Line(key);
    // Before anybody can find it: a line that nothing cuts must not be used. Its first event is a
    // snapshot, so an end between the decision and here is seen too.
    fresh.watch = tasks.watch(agent, key.epoch().task(), 0, event -> happened(event, fresh));
    Line earlier = lines.putIfAbsent(key, fresh);
    if (earlier != null) {
      fresh.watch.close();
      return earlier;
    }
    if (fresh.cutOff.why().isPresent()) { // before it could be taken out again
      fresh.watch.close();
      lines.remove(key, fresh);
    }
    return fresh;
  }

  /** Under the task's lock, in the moment of the change. */
  private void happened(TaskEvent event, Line line) {
    Task now = event.task();
    if (now.end().isPresent()) {
      cut(line, new Fault.TaskEnded(now.id(), now.end().get().cause().name()));
    } else if (!now.epoch().equals(line.key.epoch())) {
      long asked = line.key.epoch().number();
      cut(line, new Fault.EpochClosed(now.id(), asked, now.epoch().number()));
    }
  }

  private void revoking(CredentialId id) {
    Line line = byCredential.get(id);
    if (line != null) {
      cut(line, new Fault.NoSuchCredential(id));
    }
  }

  /** The next act under its grant begins another one, if its epoch is open. */
  private void cut(Line line, Fault why) {
    line.cutOff.cut(why);
    line.watch.close();
    lines.remove(line.key, line);
    byCredential.values().removeIf(line::equals);
    lent.forgetOwners(line::equals);
  }

  @Override
  public void refused(Peer peer, Optional<TaskId> task, Fault fault) {
    broker.refused(peer, "Proxy.Request", task, fault);
  }

  @Override
  public List<Decision> foresee(Peer peer, TaskId id, List<Act> acts) {
    return foresight.asked(peer, id, acts);
  }

  @Override
  public Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId id, List<Act> acts) {
    return foresight.unasked(peer, id, acts);
  }

  @Override
  public boolean decidesHere() {
    return judge.isHere();
  }

  @Override
  public Optional<Standing> standing(TaskId id) {
    return tasks
        .find(id)
        .filter(task -> task.end().isEmpty())
        .map(task ->
            new Standing(task.epoch(), task.state() == Task.State.OPEN, judge.history(task.id())));
  }
}
