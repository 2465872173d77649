package io.exeat.task;

import java.time.Instant;

/** Something that happened to a task, and the task as it stood right after. */
public record TaskEvent(Instant at, Kind kind, Task task) {
  /** What happened. */
  public enum Kind {
    /** Nothing: the state at the start of watching. */
    SNAPSHOT,
    EPOCH_OPENED,
    EPOCH_CLOSED,
    EXPIRY_WARNING,
    ENDING,
    ENDED
  }
}
