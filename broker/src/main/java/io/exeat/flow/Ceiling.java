package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Intent;
import io.exeat.task.Plan;
import io.exeat.task.Target;
import io.exeat.task.Task;
import io.exeat.task.Tool;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** What the catalogue allows an agent to ask for; nothing else is a plan. */
final class Ceiling {
  /** Grants of one act: each is a question of its own. */
  private static final int MOST_AT_ONCE = 8;

  private final Supplier<Catalogue> catalogue;

  Ceiling(Supplier<Catalogue> catalogue) {
    this.catalogue = catalogue;
  }

  /**
   * @throws FaultException OutsideCeiling, or Malformed for an intent's parameter
   */
  Plan plan(Agent agent, OpenTask ask) {
    AgentEntry entry = entry(agent);
    requireIntent(entry, ask.intent());
    requireScope(entry, ask.scope());
    Duration most = entry.maxLifetime();
    if (ask.lifetime().compareTo(most) > 0) {
      throw outside("a lifetime of " + ask.lifetime(), "at most " + most);
    }
    if (!entry.bindings().contains(ask.binding())) {
      throw outside("binding " + ask.binding(), "bindings " + new TreeSet<>(entry.bindings()));
    }
    return new Plan(
        TaskId.random(),
        agent,
        entry,
        ask.intent(),
        ask.note(),
        ask.scope(),
        ask.lifetime(),
        ask.binding(),
        ask.parent());
  }

  /**
   * @throws FaultException OutsideCeiling
   */
  void requireScope(Agent agent, Set<String> scope) {
    requireScope(entry(agent), scope);
  }

  /** The agent's entry: without one, an attested agent may hold nothing. */
  AgentEntry entry(Agent agent) {
    return catalogue
        .get()
        .agent(agent.id())
        .orElseThrow(() -> outside("a task of " + agent.id(), "no entry in the catalogue"));
  }

  /** The agent's catalogue name. */
  Optional<String> name(SpiffeId agent) {
    return catalogue.get().agent(agent).map(AgentEntry::name);
  }

  /** Whether anybody does say yes as the agent's owner. */
  boolean hasApprovers(SpiffeId agent) {
    return catalogue.get().agent(agent).map(it -> !it.approvers().isEmpty()).orElse(false);
  }

  /** Whether {@code who} says yes as the agent's owner. */
  boolean isApprover(SpiffeId agent, String who) {
    return catalogue.get().agent(agent).map(it -> it.approvers().contains(who)).orElse(false);
  }

  /** A grant that is in some scope. Gone from the catalogue is gone from every scope. */
  Grant grant(String name) {
    Grant grant = catalogue.get().grants().get(name);
    if (grant == null) {
      throw outside("grant " + name, "not in the catalogue any more");
    }
    return grant;
  }

  /**
   * The grants that an act is done under: the one that it names, or each of the scope that names
   * its tool. The catalogue of now counts: a ceiling lowered while a task is open counts from the
   * next act on.
   *
   * @throws FaultException OutOfScope, or OutsideCeiling when the agent's entry does not hold it
   *     any more
   */
  List<Grant> under(Task task, Act act) {
    List<Grant> grants =
        act.grant().isPresent()
            ? List.of(held(task, act.grant().get()))
            : task.scope().stream().sorted().map(this::grant).toList();
    List<Grant> fit =
        grants.stream()
            .filter(
                grant -> act.tool().map(grant.tools()::contains).orElse(act.grant().isPresent()))
            .toList();
    if (fit.isEmpty()) {
      throw new FaultException(
          new Fault.OutOfScope(
              task.id(), act.tool().map(tool -> "tool " + tool).orElse("nothing")));
    }
    if (fit.size() > MOST_AT_ONCE) {
      throw malformedField(
          "grant", "must name one of the %d grants that the tool may use".formatted(fit.size()));
    }
    Set<String> allowed = entry(task.agent()).grants();
    for (Grant grant : fit) {
      if (!allowed.contains(grant.name())) {
        throw outside("grant " + grant.name(), "grants " + new TreeSet<>(allowed));
      }
    }
    return fit;
  }

  private Grant held(Task task, String name) {
    if (!task.scope().contains(name)) {
      throw new FaultException(new Fault.OutOfScope(task.id(), name));
    }
    return grant(name);
  }

  /** What the catalogue says of the tool, if it says anything. */
  Optional<Tool> tool(String name) {
    return Optional.ofNullable(catalogue.get().tools().get(name));
  }

  /** Whether the host is one of the catalogue's targets. */
  boolean isTarget(String host) {
    return catalogue.get().targets().values().stream().anyMatch(it -> it.host().equals(host));
  }

  /** As {@link #grant}, for a whole scope. */
  List<Grant> grants(Set<String> scope) {
    return scope.stream().map(this::grant).toList();
  }

  /**
   * How long a lease of the grant lives unless renewed; a short time when the catalogue has lost
   * it.
   */
  Duration lease(String grant) {
    Grant known = catalogue.get().grants().get(grant);
    return known == null ? Duration.ofSeconds(15) : known.lease();
  }

  /** Where a credential of a grant in some scope is good for. */
  Target target(String name) {
    Target target = catalogue.get().targets().get(name);
    if (target == null) {
      throw outside("target " + name, "not in the catalogue any more");
    }
    return target;
  }

  private void requireIntent(AgentEntry entry, Intent.Declared declared) {
    Intent intent = catalogue.get().intents().get(declared.intent());
    if (intent == null || !entry.intents().contains(declared.intent())) {
      throw outside("intent " + declared.intent(), "intents " + new TreeSet<>(entry.intents()));
    }
    for (String required : intent.required()) {
      if (!declared.parameters().containsKey(required)) {
        throw malformed(required, "required by intent " + intent.name());
      }
    }
    for (Map.Entry<String, String> given : declared.parameters().entrySet()) {
      Pattern pattern = intent.parameters().get(given.getKey());
      if (pattern == null) {
        throw malformed(
            given.getKey(),
            "not a parameter of intent "
                + intent.name()
                + ", which has "
                + new TreeSet<>(intent.parameters().keySet()));
      }
      if (!pattern.matcher(given.getValue()).matches()) {
        throw malformed(given.getKey(), "must match " + pattern.pattern());
      }
    }
  }

  private static void requireScope(AgentEntry entry, Set<String> scope) {
    Set<String> outside = new TreeSet<>(scope);
    outside.removeAll(entry.grants());
    if (!outside.isEmpty()) {
      throw outside("grants " + outside, "grants " + new TreeSet<>(entry.grants()));
    }
  }

  private static FaultException outside(String what, String allowed) {
    return new FaultException(new Fault.OutsideCeiling(what, allowed));
  }

  private static FaultException malformed(String parameter, String problem) {
    return malformedField("parameters." + parameter, problem);
  }

  private static FaultException malformedField(String field, String problem) {
    return new FaultException(new Fault.Malformed(field, problem));
  }
}
