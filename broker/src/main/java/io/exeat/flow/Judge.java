package io.exeat.flow;

import io.exeat.attest.Peer;
import io.exeat.base.DecisionId;
import io.exeat.base.Durable;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.policy.History;
import io.exeat.policy.Question;
import io.exeat.task.Grant;
import io.exeat.task.Plan;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * One decision in front of every act: the ceiling first, then policy, then the record; only then
 * the act. What is opened or lent is prepared while the record is written, and handed out after it.
 */
final class Judge {
  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Questions questions;
  private final Asking asking;
  private final ConcurrentMap<TaskId, Memory> memories = new ConcurrentHashMap<>();

  Judge(Tasks tasks, Ceiling ceiling, Questions questions, Asking asking) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.questions = questions;
    this.asking = asking;
  }

  /**
   * The task may be opened, and hold each grant of its scope.
   *
   * @return to be awaited before the agent is told of the task
   * @throws FaultException Denied, Unavailable POLICY or AUDIT
   */
  Durable open(Peer peer, Plan plan) {
    History before = plan.parent().map(parent -> memory(parent).history()).orElse(History.NONE);
    List<Question> asked = new ArrayList<>();
    asked.add(questions.open(peer, plan, before));
    for (Grant grant : ceiling.grants(plan.scope())) {
      asked.add(questions.hold(peer, plan, grant, before));
    }
    DecisionId id = DecisionId.random();
    List<String> beside =
        List.of(plan.binding().name(), plan.parent().map(TaskId::value).orElse(""));
    return asking.ask(id, plan.id(), asked, beside).permit();
  }

  /**
   * The task may change its scope to this one.
   *
   * @throws FaultException Denied, Unavailable POLICY or AUDIT
   */
  void rescope(Peer peer, Task task, Set<String> scope) {
    History before = memory(task.id()).history();
    List<Question> asked = new ArrayList<>();
    asked.add(questions.rescope(peer, task, scope, before));
    for (Grant grant : ceiling.grants(scope)) {
      asked.add(questions.hold(peer, task, scope, grant, before));
    }
    DecisionId id = DecisionId.random();
    asking.ask(id, task.id(), asked, List.of()).permit().await();
  }

  /**
   * Whether the act may be done now, under its task's open epoch. A permit is on record.
   *
   * @throws FaultException OutOfScope, OutsideCeiling, Unavailable AUDIT
   */
  Judged act(Peer peer, Task task, Act act) {
    Judged judged = begin(peer, task, act);
    await(judged);
    return judged;
  }

  /**
   * Returns once a permit is on record.
   *
   * @throws FaultException Unavailable AUDIT; the act is not under way then
   */
  static void await(Judged judged) {
    try {
      judged.allowed().ifPresent(allowed -> allowed.recorded().await());
    } catch (RuntimeException e) {
      judged.allowed().ifPresent(Allowed::done);
      throw e;
    }
  }

  /**
   * Whether a look may be taken at what can be done: decided and recorded as an act is, and none.
   *
   * @throws FaultException as {@link #act}
   */
  Judged look(Peer peer, Task task, Act act) {
    DecisionId id = DecisionId.random();
    Asking.Said said =
        asking.ask(
            id, task.id(), questions(peer, task, act, memory(task.id()).history()), List.of());
    if (!(said.decision() instanceof Decision.Permit)) {
      return new Judged(id, said.decision(), Optional.empty());
    }
    said.recorded().await();
    Allowed allowed = new Allowed(id, said.decision().because(), said.recorded(), () -> {});
    return new Judged(id, said.decision(), Optional.of(allowed));
  }

  /** Whether deciding waits for nobody just now. */
  boolean isFromMemory() {
    return asking.isFromMemory();
  }

  /** Whether what decides is in this process. */
  boolean isHere() {
    return asking.isHere();
  }

  /** What would be said of the act now, without anything on record: it is not asked for yet. */
  Decision foresee(Peer peer, Task task, Act act) {
    return asking.foresee(questions(peer, task, act, memory(task.id()).history()));
  }

  /** What the task did; of one that did nothing, nothing is kept. */
  History history(TaskId id) {
    return Optional.ofNullable(memories.get(tasks.lineage(id).getLast()))
        .map(Memory::history)
        .orElse(History.NONE);
  }

  private List<Question> questions(Peer peer, Task task, Act act, History before) {
    return ceiling.under(task, act).stream()
        .map(grant -> questions.act(peer, task, act, grant, before))
        .toList();
  }

  /**
   * Leave for lending: {@link Allowed#recorded} is to be awaited before the agent has what is lent.
   *
   * @throws FaultException as {@link #act}; Denied, Unavailable POLICY
   */
  Allowed lending(Peer peer, Task task, Act act) {
    return begin(peer, task, act).orThrow();
  }

  /**
   * As {@link #act}, but a permit counts only once {@link #await} has returned.
   *
   * @throws FaultException OutOfScope, OutsideCeiling, Unavailable AUDIT
   */
  Judged begin(Peer peer, Task task, Act act) {
    List<Grant> grants = ceiling.under(task, act);
    Memory memory = memory(task.id());
    Memory.Begun begun = memory.begin(questions.trace(act, grants));
    boolean permitted = false;
    boolean denied = false;
    try {
      DecisionId id = DecisionId.random();
      List<Question> asked =
          grants.stream()
              .map(grant -> questions.act(peer, task, act, grant, begun.before()))
              .toList();
      Asking.Said said = asking.ask(id, task.id(), asked, List.of());
      Decision decision = said.decision();
      permitted = decision instanceof Decision.Permit;
      denied = decision instanceof Decision.Deny;
      if (!permitted) {
        return new Judged(id, decision, Optional.empty());
      }
      Memory.Done done = memory.permitted(begun);
      Allowed allowed =
          new Allowed(id, decision.because(), said.recorded(), memory::done, done::answered);
      return new Judged(id, decision, Optional.of(allowed));
    } finally {
      if (denied) {
        memory.denied(begun);
      } else if (!permitted) {
        memory.undone(begun);
      }
    }
  }

  /** Forgets what tasks did that are not remembered any more. */
  void forget(Set<TaskId> forgotten) {
    memories.keySet().removeAll(forgotten);
  }

  /** A task and its parts have one memory, and with it one budget. */
  private Memory memory(TaskId id) {
    return memories.computeIfAbsent(tasks.lineage(id).getLast(), _ -> new Memory());
  }
}
