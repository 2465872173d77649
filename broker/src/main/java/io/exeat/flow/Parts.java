package io.exeat.flow;

import io.exeat.base.TaskId;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** What becomes of a task's parts when it ends or holds less; they do the same with theirs. */
final class Parts {
  private static final long A_MOMENT = Duration.ofMillis(1).toNanos();

  private final Tasks tasks;
  private final Chains chains;
  private final End end;

  /** As {@link Endings#end}. */
  @FunctionalInterface
  interface End {
    void end(TaskId id, EndCause cause, String note);
  }

  Parts(Tasks tasks, Chains chains, End end) {
    this.tasks = tasks;
    this.chains = chains;
    this.end = end;
  }

  /** Ends all of a task that is ending, and so gets no more. */
  void endWith(TaskId whole) {
    tasks
        .below(whole)
        .forEach(
            part -> end.end(part.id(), EndCause.PARENT_ENDED, "its parent " + whole + " ended"));
  }

  /**
   * Ends those of a changing task that hold what it does not. Meanwhile none of them gets wider.
   */
  void endWider(Task whole) {
    wider(whole)
        .forEach(part ->
            end.end(
                part.id(),
                EndCause.PARENT_NARROWED,
                "its parent " + whole.id() + " does not hold all of its scope any more"));
  }

  /** Waits until all parts, which are ending, are proven dead. */
  void awaitEnds(TaskId whole) {
    await(() -> tasks.below(whole));
  }

  /** Waits until those that hold more, which are ending, are proven dead. */
  void awaitWider(Task whole) {
    await(() -> wider(whole));
  }

  private List<Task> wider(Task whole) {
    return tasks.below(whole.id()).stream()
        .filter(part -> !whole.scope().containsAll(part.scope()))
        .toList();
  }

  private void await(Supplier<List<Task>> parts) {
    for (List<Task> left = parts.get(); !left.isEmpty(); left = parts.get()) {
      left.forEach(part -> chains.of(part.id()).join());
      LockSupport.parkNanos(A_MOMENT); // between two links of a chain
    }
  }
}
