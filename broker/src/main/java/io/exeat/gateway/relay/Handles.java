package io.exeat.gateway.relay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.Timestamp;
import io.exeat.base.TaskId;
import io.exeat.v1.Binding;
import io.exeat.v1.Task;
import io.grpc.Deadline;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What one instance is to the tasks that it has in use, as far as the broker has answered. */
final class Handles {

  /**
   * An older one costs a question to the broker. Tasks that the instance must end are beyond it.
   */
  static final int REMEMBERED = 4096;

  /** What the instance is to a task. */
  private enum Hold {
    /** It opened the task, which ends with it. */
    BOUND,
    /** The task is bound to the SPIFFE ID alone. */
    SHARED,
    /** It opened the task, and ended it. */
    OVER
  }

  /**
   * One of them.
   *
   * @param ends when the broker has ended the task by itself
   */
  private record Handle(Hold hold, Deadline ends) {
    Handle over() {
      return hold == Hold.BOUND ? new Handle(Hold.OVER, ends) : this;
    }

    boolean mayBeForgotten() {
      return hold != Hold.BOUND || ends.isExpired();
    }
  }

  /** Longest not used first. */
  @GuardedBy("this")
  private final Map<TaskId, Handle> handles = new LinkedHashMap<>(16, 0.75f, true);

  /** Whether the instance may use the handle, as far as is known here. */
  synchronized boolean holds(TaskId task) {
    return handles.containsKey(task);
  }

  /** Whether the task ends with the instance. */
  synchronized boolean isBound(TaskId task) {
    Handle handle = handles.get(task);
    return handle != null && handle.hold() != Hold.SHARED;
  }

  /** The broker has answered that the instance opened {@code task}. */
  synchronized void opened(Task task) {
    // Both by the broker's clock, counted from now: never before the broker's own deadline.
    long seconds = seconds(task.getDeadline()) - seconds(task.getOpenedAt()) + 1;
    Hold hold = task.getBinding() == Binding.BINDING_IDENTITY ? Hold.SHARED : Hold.BOUND;
    put(new TaskId(task.getId()), new Handle(hold, Deadline.after(seconds, TimeUnit.SECONDS)));
  }

  private static long seconds(Timestamp timestamp) {
    return timestamp.getSeconds();
  }

  /** The broker has answered that {@code task} is bound to the SPIFFE ID alone. */
  synchronized void shares(TaskId task) {
    put(task, new Handle(Hold.SHARED, Deadline.after(0, TimeUnit.SECONDS)));
  }

  /** The broker has answered that {@code task} is ending. */
  synchronized void over(TaskId task) {
    handles.computeIfPresent(task, (id, handle) -> handle.over());
  }

  /** The tasks that end with the instance, and have not ended as far as is known here. */
  synchronized List<TaskId> bound() {
    return handles.entrySet().stream()
        .filter(entry -> entry.getValue().hold() == Hold.BOUND)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The tasks that the caller is to end now; nobody else is told of them. */
  synchronized List<TaskId> takeBound() {
    List<TaskId> bound = bound();
    handles.replaceAll((id, handle) -> handle.over());
    return bound;
  }

  /** Whether nothing needs the instance to be watched: no task ends with it. */
  synchronized boolean endNothing() {
    return handles.values().stream().allMatch(Handle::mayBeForgotten);
  }

  /** Leaves what the broker cannot tell: which ended tasks were this instance's own. */
  synchronized Handles retired() {
    handles.replaceAll((id, handle) -> handle.over());
    handles.values().removeIf(handle -> handle.hold() == Hold.SHARED);
    return this;
  }

  synchronized boolean isEmpty() {
    return handles.isEmpty();
  }

  @GuardedBy("this")
  private void put(TaskId task, Handle handle) {
    handles.put(task, handle);
    Iterator<Handle> eldest = handles.values().iterator();
    while (handles.size() > REMEMBERED && eldest.hasNext()) {
      if (eldest.next().mayBeForgotten()) {
        eldest.remove();
      }
    }
  }
}
