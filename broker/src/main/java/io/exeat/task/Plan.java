package io.exeat.task;

import io.exeat.attest.Agent;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * A task that its agent may open: everything in it is within {@code entry}.
 *
 * @param id that it will have
 * @param parent the task that it is to be a part of
 */
public record Plan(
    TaskId id,
    Agent agent,
    AgentEntry entry,
    Intent.Declared intent,
    String note,
    Set<String> scope,
    Duration lifetime,
    Binding binding,
    Optional<TaskId> parent) {
  public Plan {
    scope = Set.copyOf(scope);
  }

  Task task(Time time) {
    Instant now = time.now();
    return new Task(
        id,
        parent,
        agent,
        entry.name(),
        intent,
        note,
        scope,
        new Epoch(id, 1),
        Task.State.OPENING,
        binding,
        now,
        now.plus(lifetime),
        time.after(lifetime),
        Optional.empty());
  }
}
