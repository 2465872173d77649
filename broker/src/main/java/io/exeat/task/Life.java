package io.exeat.task;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.task.Task.State;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;

/** One task's state machine. Events are given out under its lock, so watchers see them in order. */
final class Life {
  /** For tasks that have ended. */
  static final Comparator<Life> LATEST_END_FIRST =
      (one, other) -> Long.signum(other.forgetAt - one.forgetAt);

  private final Time time;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition idle = lock.newCondition();
  private final Events events = new Events();
  private volatile Task task;
  private int inFlight;
  private boolean warned;
  private long forgetAt;

  Life(Task task, Time time) {
    this.task = task;
    this.time = time;
    this.inFlight = task.state() == State.OPENING ? 1 : 0;
  }

  Task task() {
    return task;
  }

  /**
   * Runs {@code body} while the task can neither end nor change its scope; it must not wait.
   *
   * @throws FaultException TaskEnded, ScopeChanging
   */
  <T> T whileOpen(Function<Task, T> body) {
    return locked(() -> {
      requireOpen(task.epoch().number());
      return body.apply(task);
    });
  }

  boolean opened() {
    return locked(() -> {
      landed();
      if (task.state() != State.OPENING) {
        return false;
      }
      become(task.in(State.OPEN), TaskEvent.Kind.EPOCH_OPENED);
      return true;
    });
  }

  void notOpened() {
    leave();
  }

  Stay enter(long epoch) {
    return new Stay(this, locked(() -> begin(epoch)));
  }

  /** What {@link #enter} began is over. */
  void leave() {
    locked(() -> {
      landed();
      return true;
    });
  }

  Optional<Task> closeEpoch(Set<String> scope, long epoch) {
    return locked(() -> {
      boolean sameChange =
          epoch == task.epoch().number() - 1 && scope.equals(task.scope()) && !isOver();
      if (sameChange) {
        return Optional.empty();
      }
      requireOpen(epoch);
      become(task.changing(scope), TaskEvent.Kind.EPOCH_CLOSED);
      return Optional.of(task);
    });
  }

  Optional<Task> replaceEpoch(long epoch) {
    return locked(() -> {
      if (task.state() != State.OPEN || task.epoch().number() != epoch) {
        return Optional.empty();
      }
      become(task.changing(task.scope()), TaskEvent.Kind.EPOCH_CLOSED);
      return Optional.of(task);
    });
  }

  boolean openEpoch() {
    return locked(() -> {
      if (task.state() != State.CHANGING) {
        return false;
      }
      become(task.in(State.OPEN), TaskEvent.Kind.EPOCH_OPENED);
      return true;
    });
  }

  boolean drained(Duration atMost) {
    lock.lock();
    try {
      long left = atMost.toNanos();
      while (inFlight > 0 && left > 0) {
        left = idle.awaitNanos(left);
      }
      return inFlight == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }

  Optional<Task> ending(EndCause cause) {
    return locked(() -> {
      if (isOver()) {
        return Optional.empty();
      }
      become(task.ending(new Task.End(cause, time.now(), Optional.empty())), TaskEvent.Kind.ENDING);
      return Optional.of(task);
    });
  }

  Task ended() {
    return locked(() -> {
      if (task.state() == State.ENDED) {
        return task;
      }
      Task.End end = task.end().orElseThrow();
      Instant deadAt = time.now();
      forgetAt = time.after(Tasks.REMEMBERED);
      become(
          task.ended(new Task.End(end.cause(), end.at(), Optional.of(deadAt))),
          TaskEvent.Kind.ENDED);
      events.forgetAll();
      return task;
    });
  }

  void warn() {
    locked(() -> {
      if (!warned && !isOver()) {
        warned = true;
        become(task, TaskEvent.Kind.EXPIRY_WARNING);
      }
      return true;
    });
  }

  boolean isOld() {
    return task.state() == State.ENDED && time.reached(forgetAt);
  }

  Subscription watch(long after, Consumer<TaskEvent> listener) {
    return locked(() -> {
      events.watch(after, time.now(), task, listener);
      return () -> locked(() -> events.forget(listener));
    });
  }

  /** Something that was in flight is not any more. */
  private void landed() {
    inFlight--;
    idle.signalAll();
  }

  private Task begin(long epoch) {
    requireOpen(epoch == 0 ? task.epoch().number() : epoch);
    inFlight++;
    return task;
  }

  private void requireOpen(long epoch) {
    if (isOver()) {
      throw over();
    }
    if (epoch != task.epoch().number()) {
      throw closed(epoch);
    }
    if (task.state() != State.OPEN) {
      throw new FaultException(
          new Fault.ScopeChanging(
              task.id(), "the old epoch is being revoked", Duration.ofMillis(100)));
    }
  }

  void requireStillOpen(Task begun) {
    Task now = task;
    if (now.state() == State.OPEN && now.epoch().equals(begun.epoch())) {
      return;
    }
    throw isOver() ? over() : closed(begun.epoch().number());
  }

  private FaultException over() {
    String cause = task.end().map(end -> end.cause().name()).orElse("");
    return new FaultException(new Fault.TaskEnded(task.id(), cause));
  }

  private FaultException closed(long asked) {
    return new FaultException(new Fault.EpochClosed(task.id(), asked, task.epoch().number()));
  }

  private boolean isOver() {
    return task.state() == State.ENDING || task.state() == State.ENDED;
  }

  private void become(Task next, TaskEvent.Kind kind) {
    task = next;
    events.happened(time.now(), kind, next);
  }

  private <T> T locked(java.util.function.Supplier<T> body) {
    lock.lock();
    try {
      return body.get();
    } finally {
      lock.unlock();
    }
  }
}
