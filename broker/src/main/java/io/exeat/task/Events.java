package io.exeat.task;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One task's events: who watches, and the last of them for who comes back. Under its life's lock.
 */
final class Events {
  private static final Logger LOG = LoggerFactory.getLogger(Events.class);

  /** {@code task.proto}: how many a watcher can have missed and still be told of each. */
  static final int REMEMBERED = 16;

  private final List<Consumer<TaskEvent>> watchers = new ArrayList<>();
  private final Deque<TaskEvent> recent = new ArrayDeque<>();
  private long number;

  void happened(Instant at, TaskEvent.Kind kind, Task task) {
    TaskEvent event = new TaskEvent(at, kind, task, ++number);
    recent.add(event);
    if (recent.size() > REMEMBERED) {
      recent.remove();
    }
    List.copyOf(watchers).forEach(watcher -> tell(watcher, event));
  }

  /**
   * A watcher's defect is its own: the task has changed, and what follows from that must follow.
   */
  private static void tell(Consumer<TaskEvent> watcher, TaskEvent event) {
    try {
      watcher.accept(event);
    } catch (RuntimeException e) {
      LOG.error("A watcher of {} failed", event.task().id(), e);
    }
  }

  /**
   * Tells {@code watcher} what it has missed since the event {@code after}, or how the task stands
   * where that is not known any more or nothing will follow; then of each event to come.
   *
   * @throws FaultException Malformed when there was no such event yet
   */
  void watch(long after, Instant now, Task task, Consumer<TaskEvent> watcher) {
    if (after > number) {
      throw new FaultException(
          new Fault.Malformed("after", "must be 0, or the number of an event of this task"));
    }
    boolean over = task.state() == Task.State.ENDED;
    List<TaskEvent> missed = recent.stream().filter(event -> event.number() > after).toList();
    boolean known = after > 0 && missed.size() == number - after;
    if (known && !(over && missed.isEmpty())) {
      missed.forEach(watcher);
    } else {
      watcher.accept(new TaskEvent(now, TaskEvent.Kind.SNAPSHOT, task, number));
    }
    if (!over) {
      watchers.add(watcher);
    }
  }

  boolean forget(Consumer<TaskEvent> watcher) {
    return watchers.remove(watcher);
  }

  void forgetAll() {
    watchers.clear();
  }
}
