package io.exeat.flow;

import io.exeat.task.Binding;
import io.exeat.task.Intent;
import java.time.Duration;
import java.util.Set;

/** What an agent asks for when it opens a task; well-formed, not yet allowed. */
public record OpenTask(
    Intent.Declared intent,
    Set<String> scope,
    Duration lifetime,
    String note,
    String idempotencyKey,
    Binding binding) {
  public OpenTask {
    scope = Set.copyOf(scope);
  }
}
