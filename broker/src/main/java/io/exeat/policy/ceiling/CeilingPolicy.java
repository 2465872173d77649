package io.exeat.policy.ceiling;

import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.Question;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Permits what the task's scope holds as long as the catalogue of now still lets the agent hold it:
 * a ceiling lowered while a task is open counts from the next question on.
 */
public final class CeilingPolicy implements PolicyEngine {
  private final Supplier<Catalogue> catalogue;

  public CeilingPolicy(Supplier<Catalogue> catalogue) {
    this.catalogue = catalogue;
  }

  @Override
  public Decision decide(Question question) {
    String grant = question.grant().name();
    if (!question.task().scope().contains(grant)) {
      return deny("the task's scope does not hold " + grant, "task.scope");
    }
    Optional<AgentEntry> entry = catalogue.get().agent(question.task().agent().id());
    if (entry.isEmpty() || !entry.get().grants().contains(grant)) {
      return deny(
          "the agent's catalogue entry does not hold " + grant + " any more", "agent.grants");
    }
    return new Decision.Permit(List.of("task.scope", "agent.grants"));
  }

  private static Decision deny(String reason, String because) {
    return new Decision.Deny(reason, List.of(because));
  }
}
