package io.exeat.gateway.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.WouldWait;
import io.exeat.base.InRequest;
import io.exeat.base.Subscription;
import io.exeat.gateway.Faults;
import io.exeat.task.TaskEvent;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One watcher's stream. What the watcher's connection cannot take yet waits here, {@value
 * #MOST_WAITING} events at most; past that, one snapshot of the latest state stands for all of
 * them.
 */
final class WatchStream {

  static final int MOST_WAITING = 16;

  private final ServerCallStreamObserver<io.exeat.v1.TaskEvent> observer;

  @GuardedBy("this")
  private final Deque<TaskEvent> waiting = new ArrayDeque<>();

  @GuardedBy("this")
  private @Nullable Subscription subscription;

  @GuardedBy("this")
  private boolean over;

  private WatchStream(ServerCallStreamObserver<io.exeat.v1.TaskEvent> observer) {
    this.observer = observer;
  }

  /**
   * Serves the current call from {@code subscribe}, until the task has ended or the caller has
   * gone.
   */
  static void serve(
      ServerCallStreamObserver<io.exeat.v1.TaskEvent> observer,
      BiFunction<Caller, Consumer<TaskEvent>, Subscription> subscribe) {
    Caller caller = Caller.current();
    WatchStream stream = new WatchStream(observer);
    observer.setOnReadyHandler(stream::send);
    observer.setOnCancelHandler(stream::end);
    if (!Context.current().isCancelled()) {
      stream.begin(caller, subscribe);
    }
  }

  private void begin(
      Caller caller, BiFunction<Caller, Consumer<TaskEvent>, Subscription> subscribe) {
    try {
      hold(InRequest.call(caller.request(), () -> subscribe.apply(caller, this::happened)));
      caller.connection().attested().set(true);
    } catch (WouldWait e) {
      Unary.aside(() -> begin(caller, subscribe));
    } catch (RuntimeException | Error e) { // a thread aside would say nothing of an Error
      end();
      observer.onError(Faults.answer(caller.request(), e));
    }
  }

  /** Never blocks: it is the task's thread that calls. */
  private void happened(TaskEvent event) {
    synchronized (this) {
      if (over) {
        return;
      }
      boolean full = waiting.size() >= MOST_WAITING;
      if (full) {
        waiting.clear();
      }
      waiting.add(
          full && event.kind() != TaskEvent.Kind.ENDED
              ? new TaskEvent(event.at(), TaskEvent.Kind.SNAPSHOT, event.task(), event.number())
              : event);
    }
    send();
  }

  private void send() {
    // Not under the lock: closing the subscription takes the task's, which our caller can hold.
    if (drained()) {
      end();
    }
  }

  /** Sends what the connection takes; whether the last event was among it. */
  private synchronized boolean drained() {
    while (!over && !waiting.isEmpty() && observer.isReady()) {
      TaskEvent event = waiting.remove();
      observer.onNext(ToProto.event(event));
      if (event.kind() == TaskEvent.Kind.ENDED || endedAlready(event)) {
        over = true;
        observer.onCompleted();
        return true;
      }
    }
    return false;
  }

  /** Who watches a task that has ended gets its snapshot, and no event can follow. */
  private static boolean endedAlready(TaskEvent event) {
    return event.kind() == TaskEvent.Kind.SNAPSHOT
        && event.task().state() == io.exeat.task.Task.State.ENDED;
  }

  /** The task's events can begin, and even end, before the subscription is known here. */
  private void hold(Subscription given) {
    boolean late;
    synchronized (this) {
      late = over;
      subscription = given;
    }
    if (late) {
      given.close();
    }
  }

  private void end() {
    Subscription held;
    synchronized (this) {
      over = true;
      waiting.clear();
      held = subscription;
    }
    if (held != null) {
      held.close();
    }
  }
}
