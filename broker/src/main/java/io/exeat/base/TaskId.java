package io.exeat.base;

/**
 * A task's handle: {@code t} and 20 characters of {@code [0-9a-z]}, 100 random bits.
 *
 * <p>It is no secret: it stands in Vault's token names and in the database's role names. What it
 * opens is decided by who shows it.
 */
public record TaskId(String value) {
  /**
   * @throws FaultException {@link Fault.Malformed} for {@code task_id} when the shape is another
   */
  public TaskId {
    RandomId.check("task_id", 't', value);
  }

  /** A new one from the system's secure random source. */
  public static TaskId random() {
    return new TaskId(RandomId.next('t'));
  }

  @Override
  public String toString() {
    return value;
  }
}
