package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.attest.Peer;
import io.exeat.base.Time;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.Door;
import io.exeat.policy.History;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import io.exeat.task.Plan;
import io.exeat.task.Step;
import io.exeat.task.Target;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import io.exeat.task.Tool;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Puts questions together from what the broker knows: the door's evidence, the catalogue of now,
 * the task and its memory. Of the agent's own words only the act itself goes in.
 */
final class Questions {
  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Time time;

  Questions(Tasks tasks, Ceiling ceiling, Time time) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.time = time;
  }

  Question open(Peer peer, Plan plan, History before) {
    return plan(peer, plan, Action.OPEN, intent(plan.intent().intent()), before);
  }

  Question hold(Peer peer, Plan plan, Grant grant, History before) {
    return plan(peer, plan, Action.HOLD, resource(grant), before);
  }

  private Question plan(
      Peer peer, Plan plan, Action action, Question.Resource resource, History before) {
    Question.Leave leave =
        new Question.Leave(
            plan.id().value(),
            plan.intent().intent(),
            plan.intent().parameters(),
            plan.scope(),
            1,
            plan.parent().map(parent -> tasks.lineage(parent).size()).orElse(0),
            Duration.ZERO,
            plan.lifetime());
    return planning(caller(peer, plan.agent(), plan.entry()), leave, action, resource, before);
  }

  Question rescope(Peer peer, Task task, Set<String> scope, History before) {
    return planning(
        caller(peer, task.agent(), ceiling.entry(task.agent())),
        leave(task, scope, task.epoch().number() + 1),
        Action.RESCOPE,
        intent(task.intent().intent()),
        before);
  }

  Question hold(Peer peer, Task task, Set<String> scope, Grant grant, History before) {
    return planning(
        caller(peer, task.agent(), ceiling.entry(task.agent())),
        leave(task, scope, task.epoch().number() + 1),
        Action.HOLD,
        resource(grant),
        before);
  }

  private Question planning(
      Question.Caller caller,
      Question.Leave leave,
      Action action,
      Question.Resource resource,
      History before) {
    return new Question(
        caller,
        leave,
        action,
        Optional.empty(),
        Arguments.NONE,
        resource,
        new Question.Source(Door.API, false),
        new Question.Destination("", false),
        Step.PLAN,
        before,
        0,
        Set.of());
  }

  Question act(Peer peer, Task task, Act act, Grant grant, History before) {
    Optional<Tool> tool = act.tool().flatMap(ceiling::tool);
    return new Question(
        caller(peer, task.agent(), ceiling.entry(task.agent())),
        leave(task, task.scope(), task.epoch().number()),
        act.action(),
        act.tool(),
        act.arguments(),
        resource(grant),
        new Question.Source(act.door(), tool.map(Tool::readsOutside).orElse(false)),
        destination(act, tool, grant),
        step(tool, grant),
        before,
        tool.map(Tool::risk).orElse(Tool.UNKNOWN_RISK),
        Set.of());
  }

  /** What the act leaves in its task's memory. */
  Memory.Trace trace(Act act, List<Grant> grants) {
    Optional<Tool> tool = act.tool().flatMap(ceiling::tool);
    String names = grants.stream().map(Grant::name).collect(Collectors.joining(","));
    String what = act.tool().orElse(names);
    Step step = step(tool, grants.getFirst());
    return new Memory.Trace(
        act.action() + " " + what + " " + names + " " + act.arguments().sha256(),
        word(step) + ":" + what,
        act.arguments().sha256(),
        step,
        grants.stream().map(Grant::dataClass).collect(Collectors.toCollection(HashSet::new)),
        tool.filter(Tool::readsOutside).map(Tool::name).map(Set::of).orElse(Set.of()));
  }

  private static String word(Step step) {
    return QuestionJson.word(step);
  }

  private static Step step(Optional<Tool> tool, Grant grant) {
    return tool.map(Tool::step).orElse(grant.isReadOnly() ? Step.RETRIEVE : Step.EXECUTE);
  }

  private Question.Destination destination(Act act, Optional<Tool> tool, Grant grant) {
    Optional<String> host = act.destination().or(() -> tool.flatMap(Tool::destination));
    return host.map(it -> new Question.Destination(it, !ceiling.isTarget(it)))
        .orElseGet(() -> new Question.Destination(ceiling.target(grant.target()).host(), false));
  }

  private static Question.Caller caller(Peer peer, Agent agent, AgentEntry entry) {
    return new Question.Caller(
        agent.id().toString(), entry.name(), entry.owner(), entry.tier(), attestation(peer, agent));
  }

  private static Question.Attestation attestation(Peer peer, Agent agent) {
    String domain = agent.id().getTrustDomain().getName();
    return switch (peer) {
      case Peer.Local local ->
          new Question.Attestation(
              "process", domain, Optional.of(local.uid()), Optional.of(local.gid()));
      case Peer.Tls _ ->
          new Question.Attestation("mtls", domain, Optional.empty(), Optional.empty());
      case Peer.Vouched it ->
          new Question.Attestation(it.by(), domain, Optional.empty(), Optional.empty());
    };
  }

  private Question.Leave leave(Task task, Set<String> scope, long epoch) {
    Duration lifetime = task.lifetime();
    return new Question.Leave(
        task.id().value(),
        task.intent().intent(),
        task.intent().parameters(),
        scope,
        epoch,
        tasks.lineage(task.id()).size() - 1,
        lifetime.minus(time.until(task.deadlineTick())),
        lifetime);
  }

  private Question.Resource intent(String name) {
    return new Question.Resource(Question.Resource.INTENT, name, "", "", "", Set.of());
  }

  private Question.Resource resource(Grant grant) {
    Target target = ceiling.target(grant.target());
    return new Question.Resource(
        Question.Resource.GRANT,
        grant.name(),
        target.name(),
        grant.dataClass(),
        target.environment(),
        grant.actions());
  }
}
