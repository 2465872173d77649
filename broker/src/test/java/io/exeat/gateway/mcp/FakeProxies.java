package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.flow.Allowed;
import io.exeat.flow.CutOff;
import io.exeat.flow.Issued;
import io.exeat.flow.Judged;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Standing;
import io.exeat.flow.Use;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.policy.History;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** A task and others, decisions as a test says, and a record of what was asked for. */
final class FakeProxies implements ProxyRequests {
  final TaskId task = TaskId.random();
  final List<String> permits = new CopyOnWriteArrayList<>();
  final List<String> answered = new CopyOnWriteArrayList<>();
  final List<Fault> refused = new CopyOnWriteArrayList<>();
  final AtomicInteger underWay = new AtomicInteger();
  volatile Function<Act, Decision> policy = _ -> new Decision.Permit(List.of(), "p");
  final Map<TaskId, Function<Act, Decision>> others = new ConcurrentHashMap<>();
  final List<TaskId> standings = new CopyOnWriteArrayList<>();

  /** Of what was foreseen, what the agents asked for themselves. */
  final List<TaskId> asked = new CopyOnWriteArrayList<>();

  /** Whether nobody can tell who the agents are. */
  volatile boolean isUnknown;

  volatile History history = History.NONE;
  volatile boolean decidesHere = true;
  volatile boolean isOpen = true;
  volatile boolean isOver;
  volatile Optional<Issued> credential = Optional.empty();
  volatile long epoch = 1;
  volatile CutOff cutOff = new CutOff();
  volatile Optional<Fault> fault = Optional.empty();

  @Override
  public TaskId meant(Peer peer, Optional<TaskId> named) {
    if (named.isPresent() && !named.get().equals(task) && !others.containsKey(named.get())) {
      throw new FaultException(new Fault.NoSuchTask(named.get()));
    }
    return named.orElse(task);
  }

  @Override
  public Use use(Peer peer, TaskId id, Act act) {
    fault.ifPresent(it -> {
      throw new FaultException(it);
    });
    return decided(id, act);
  }

  @Override
  public Use look(Peer peer, TaskId id, Act act) {
    return decided(id, act);
  }

  private Use decided(TaskId under, Act act) {
    Decision decision = others.getOrDefault(under, policy).apply(act);
    DecisionId id = DecisionId.random();
    Optional<Allowed> allowed = Optional.empty();
    if (decision instanceof Decision.Permit) {
      permits.add(act.tool().orElseThrow() + " " + act.arguments().texts());
      underWay.incrementAndGet();
      allowed = Optional.of(new Allowed(id, List.of(), () -> {}, underWay::decrementAndGet));
    }
    return Use.of(
        new Judged(id, decision, allowed),
        new Epoch(under, epoch),
        allowed.isPresent() ? credential : Optional.empty(),
        cutOff,
        answered::add);
  }

  @Override
  public void refused(Peer peer, Optional<TaskId> task, Fault fault) {
    refused.add(fault);
  }

  @Override
  public List<Decision> foresee(Peer peer, TaskId id, List<Act> acts) {
    asked.add(id);
    return decisions(id, acts);
  }

  @Override
  public Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId id, List<Act> acts) {
    return isUnknown ? Optional.empty() : Optional.of(decisions(id, acts));
  }

  private List<Decision> decisions(TaskId id, List<Act> acts) {
    return acts.stream().map(others.getOrDefault(id, policy)).toList();
  }

  @Override
  public boolean decidesHere() {
    return decidesHere;
  }

  @Override
  public Optional<Standing> standing(TaskId id) {
    standings.add(id);
    return isOver
        ? Optional.empty()
        : Optional.of(new Standing(new Epoch(id, epoch), isOpen, history));
  }
}
