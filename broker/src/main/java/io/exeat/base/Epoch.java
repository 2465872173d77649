package io.exeat.base;

/**
 * One task between two changes of its scope; numbers start at 1. What is lent belongs to exactly
 * one.
 */
public record Epoch(TaskId task, long number) {
  public Epoch {
    if (number < 1) {
      throw new IllegalArgumentException("epoch " + number);
    }
  }

  /** The one after this. */
  public Epoch next() {
    return new Epoch(task, number + 1);
  }

  /**
   * {@code <task>-e<number>}: the display name of its token in Vault, and part of its database
   * roles' names.
   */
  public String label() {
    return task.value() + "-e" + number;
  }

  @Override
  public String toString() {
    return label();
  }
}
