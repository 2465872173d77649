package io.exeat.flow;

import io.exeat.base.TaskId;
import io.exeat.task.Binding;
import io.exeat.task.Intent;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * What an agent asks for when it opens a task; well-formed, not yet allowed.
 *
 * @param parent the task of its own that this is to be a part of; empty for one of its own
 * @param issue the grant of which a credential comes with the task; empty for none
 */
public record OpenTask(
    Intent.Declared intent,
    Set<String> scope,
    Duration lifetime,
    String note,
    String idempotencyKey,
    Binding binding,
    Optional<TaskId> parent,
    Optional<String> issue) {
  public OpenTask {
    scope = Set.copyOf(scope);
  }
}
