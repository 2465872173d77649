package io.exeat.approve;

import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What policy asks of people for one call, one stage after the other: each comes up once those
 * before it have been said yes to. Most calls have one.
 */
public record Stages(List<Decision.Ask> asked) {
  public Stages {
    asked = List.copyOf(asked);
  }

  /** These, and what policy asks for on top of them. */
  public Stages and(Decision.Ask next) {
    List<Decision.Ask> all = new ArrayList<>(asked);
    all.add(next);
    return new Stages(all);
  }

  /** Whose yes they need together, sorted. */
  public List<String> approvers() {
    return asked.stream().flatMap(it -> it.approvers().stream()).distinct().sorted().toList();
  }

  /** The policies that ask. */
  List<Reason> because() {
    return asked.stream().flatMap(it -> it.because().stream()).distinct().toList();
  }

  /** Whether the other's are these, or these and more. */
  boolean begin(Stages other) {
    return alike(other) == asked.size();
  }

  /** What was said to that which both ask for, from the first on. */
  List<Approval> stillSaid(Waiting before) {
    List<Decision.Ask> inCommon = asked.subList(0, alike(before.stages()));
    List<String> words = new Stages(inCommon).approvers();
    return before.request().approvals().stream().filter(it -> words.contains(it.as())).toList();
  }

  private int alike(Stages other) {
    int most = Math.min(asked.size(), other.asked.size());
    int alike = 0;
    while (alike < most && isAlike(asked.get(alike), other.asked.get(alike))) {
      alike++;
    }
    return alike;
  }

  private static boolean isAlike(Decision.Ask one, Decision.Ask other) {
    return policies(one).equals(policies(other)) && one.approvers().equals(other.approvers());
  }

  private static Set<String> policies(Decision.Ask stage) {
    return stage.because().stream().map(Reason::policy).collect(Collectors.toUnmodifiableSet());
  }
}
