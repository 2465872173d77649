package io.exeat.task;

/**
 * Work under way under a task's open epoch, whose closing waits until it is closed: {@link
 * Tasks#enter}.
 */
public final class Stay implements AutoCloseable {
  private final Life life;
  private final Task task;
  private boolean over;

  Stay(Life life, Task task) {
    this.life = life;
    this.task = task;
  }

  /** The task as it was when the work began. */
  public Task task() {
    return task;
  }

  /**
   * What came of the work counts only if this returns.
   *
   * @throws io.exeat.base.FaultException TaskEnded, EpochClosed: it was closed meanwhile
   */
  public void requireStillOpen() {
    life.requireStillOpen(task);
  }

  /** The work is over, whatever came of it. Idempotent. */
  @Override
  public synchronized void close() {
    if (!over) {
      over = true;
      life.leave();
    }
  }
}
