package io.exeat.task;

import io.exeat.attest.Agent;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * A task as it stood at one moment; immutable.
 *
 * @param parent the task that it is a part of; empty for one of its own
 * @param entry the agent's catalogue name
 * @param scope names of the grants of {@code epoch}; of the coming epoch while CHANGING
 * @param epoch the open one; the coming one while CHANGING; the last one from ENDING on
 * @param deadline for people and for Vault; the broker counts on {@code deadlineTick}
 * @param deadlineTick on the monotonic clock
 * @param end set from ENDING on
 */
public record Task(
    TaskId id,
    Optional<TaskId> parent,
    Agent agent,
    String entry,
    Intent.Declared intent,
    String note,
    Set<String> scope,
    Epoch epoch,
    State state,
    Binding binding,
    Instant openedAt,
    Instant deadline,
    long deadlineTick,
    Optional<End> end) {
  public Task {
    scope = Set.copyOf(scope);
  }

  /** How long it was to live when it was opened. */
  public Duration lifetime() {
    return Duration.between(openedAt, deadline);
  }

  Task in(State next) {
    return with(scope, epoch, next, end);
  }

  Task changing(Set<String> nextScope) {
    return with(nextScope, epoch.next(), State.CHANGING, end);
  }

  Task ending(End why) {
    return with(scope, epoch, State.ENDING, Optional.of(why));
  }

  Task ended(End why) {
    return with(scope, epoch, State.ENDED, Optional.of(why));
  }

  private Task with(Set<String> nextScope, Epoch nextEpoch, State next, Optional<End> why) {
    return new Task(
        id,
        parent,
        agent,
        entry,
        intent,
        note,
        nextScope,
        nextEpoch,
        next,
        binding,
        openedAt,
        deadline,
        deadlineTick,
        why);
  }

  /** Where it is in its life. */
  public enum State {
    /** Being set up: nobody has its handle yet. */
    OPENING,
    OPEN,
    /** The old epoch is being revoked; nothing is issued. */
    CHANGING,
    ENDING,
    ENDED
  }

  /**
   * @param at when the end was durable
   * @param deadAt when the last credential was proven dead; set in ENDED
   */
  public record End(EndCause cause, Instant at, Optional<Instant> deadAt) {}
}
