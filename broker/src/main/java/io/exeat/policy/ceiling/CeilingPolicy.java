package io.exeat.policy.ceiling;

import io.exeat.base.Health;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.Question;
import io.exeat.policy.Reason;
import java.time.Instant;
import java.util.List;

/** Permits whatever the ceiling let through. */
public final class CeilingPolicy implements PolicyEngine {
  @Override
  public Decision decide(Question question) {
    return new Decision.Permit(
        List.of(new Reason("ceiling", List.of("task.scope", "agent.grants"))), "");
  }

  @Override
  public Health health() {
    return Health.available(Instant.EPOCH);
  }
}
