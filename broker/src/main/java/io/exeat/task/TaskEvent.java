package io.exeat.task;

import java.time.Instant;

/**
 * Something that happened to a task, and the task as it stood right after.
 *
 * @param number counts the task's events from 1; a snapshot has that of the last event before it, 0
 *     for none
 */
public record TaskEvent(Instant at, Kind kind, Task task, long number) {
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
