package io.exeat.gateway.relay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.Agent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.identity.Svid;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.exeat.v1.TasksGrpc;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attested instance of an agent and its connection to the broker, which shows that agent's
 * SVID. A new SVID gives a new connection; calls on the old one come to their end.
 */
final class Link {

  /** The broker begins to end a task when it hears of it; nobody here waits for the proof. */
  private static final int CANCEL_SECONDS = 1;

  /** More than one, for a connection that comes back and for tasks beyond the streams of one. */
  private static final int CANCEL_ROUNDS = 3;

  /** An answer that takes longer is asked for again at the next occasion. */
  private static final int ASK_SECONDS = 10;

  private static final Logger LOG = LoggerFactory.getLogger(Link.class);

  private final Agent agent;
  private final Supplier<Svid> svids;
  private final Function<Svid, ManagedChannel> connect;

  /**
   * Calls start under the read lock, so that none starts on a connection that is being given up.
   */
  private final ReentrantReadWriteLock turn = new ReentrantReadWriteLock();

  @GuardedBy("turn")
  private @Nullable Svid shown;

  @GuardedBy("turn")
  private @Nullable ManagedChannel channel;

  @GuardedBy("turn")
  private boolean gone;

  @GuardedBy("turn")
  private String why = "";

  private final Handles handles;

  Link(Agent agent, Supplier<Svid> svids, Function<Svid, ManagedChannel> connect, Handles handles) {
    this.handles = handles;
    this.agent = agent;
    this.svids = svids;
    this.connect = connect;
  }

  Agent agent() {
    return agent;
  }

  /**
   * Starts a call on the connection that shows the agent's SVID of now.
   *
   * @param start makes and starts the call before it returns
   * @throws FaultException Unattested when the agent has no SVID any more
   */
  <T> T start(Function<ManagedChannel, T> start) {
    refresh();
    turn.readLock().lock();
    try {
      if (gone || channel == null) {
        throw new FaultException(new Fault.Unattested("the agent's process has gone"));
      }
      return start.apply(channel);
    } finally {
      turn.readLock().unlock();
    }
  }

  private void refresh() {
    Svid now = svids.get();
    turn.readLock().lock();
    try {
      if (gone || (shown != null && shown.leaf().equals(now.leaf()))) {
        return;
      }
    } finally {
      turn.readLock().unlock();
    }
    turn.writeLock().lock();
    try {
      if (gone || (shown != null && shown.leaf().equals(now.leaf()))) {
        return;
      }
      ManagedChannel old = channel;
      channel = connect.apply(now);
      shown = now;
      if (old != null) {
        old.shutdown();
      }
    } finally {
      turn.writeLock().unlock();
    }
  }

  /**
   * Keeps the connection up, with the SVID of now: the broker takes an agent without one for gone.
   * To be called every second or so.
   */
  void keep() {
    try {
      ConnectivityState state = start(connected -> connected.getState(true));
      if (state == ConnectivityState.TRANSIENT_FAILURE) {
        // gRPC's own pauses grow to two minutes, ours are the pauses of this method.
        start(connected -> {
          connected.resetConnectBackoff();
          return state;
        });
      }
    } catch (FaultException e) {
      LOG.debug("{} cannot be shown to the broker now", agent, e);
    }
  }

  /**
   * Asks the broker which of the instance's tasks it has ended by itself or for an operator; keeps
   * the connection up, as {@link #keep} does.
   */
  void ask() {
    Map<TaskId, Future<Task>> asked = new LinkedHashMap<>();
    try {
      var _ =
          start(connected -> {
            TasksGrpc.TasksFutureStub stub =
                TasksGrpc.newFutureStub(connected).withDeadlineAfter(ASK_SECONDS, TimeUnit.SECONDS);
            for (TaskId task : handles.bound()) {
              asked.put(task, stub.get(GetRequest.newBuilder().setTaskId(task.value()).build()));
            }
            return asked;
          });
    } catch (FaultException e) {
      LOG.debug("{} cannot be shown to the broker now", agent, e);
    }
    asked.entrySet().stream()
        .filter(one -> says(one, task -> task.getState() != TaskState.TASK_STATE_OPEN))
        .forEach(one -> handles.over(one.getKey()));
  }

  /** What this instance is to its tasks. */
  Handles handles() {
    return handles;
  }

  /**
   * The broker has answered that this instance opened {@code task}. Where the instance has gone
   * meanwhile, the task ends at once.
   */
  void opened(Task task) {
    handles.opened(task);
    Svid last;
    String reason;
    turn.readLock().lock();
    try {
      last = gone ? shown : null;
      reason = why;
    } finally {
      turn.readLock().unlock();
    }
    List<TaskId> late = last == null ? List.of() : handles.takeBound();
    if (last != null && !late.isEmpty()) {
      ManagedChannel own = connect.apply(last); // the one that brought the answer takes no more
      cancel(own, late, reason);
      own.shutdown();
    }
  }

  /**
   * The instance is no more: ends its tasks at the broker, all at once, then the connection. Where
   * the broker cannot be told, it ends them by itself after its grace, for want of a connection.
   */
  void end(String reason) {
    ManagedChannel last;
    turn.writeLock().lock();
    try {
      if (gone) {
        return;
      }
      gone = true;
      why = reason;
      last = channel;
    } finally {
      turn.writeLock().unlock();
    }
    if (last != null) {
      cancel(last, handles.takeBound(), reason);
      last.shutdown();
    }
  }

  private void cancel(ManagedChannel over, List<TaskId> tasks, String reason) {
    List<TaskId> left = tasks;
    for (int round = 0; round < CANCEL_ROUNDS && !left.isEmpty(); round++) {
      left = cancelOnce(over, left.reversed(), reason); // first those that had to wait for a stream
    }
    if (!left.isEmpty()) {
      LOG.warn("tasks {} of {} ({}) are left to the broker's grace", left, agent, reason);
    }
  }

  /** Those that the broker has not answered for. */
  private static List<TaskId> cancelOnce(ManagedChannel over, List<TaskId> tasks, String reason) {
    TasksGrpc.TasksFutureStub stub =
        TasksGrpc.newFutureStub(over)
            .withWaitForReady()
            .withDeadlineAfter(CANCEL_SECONDS, TimeUnit.SECONDS);
    Map<TaskId, Future<Task>> sent = new LinkedHashMap<>();
    for (TaskId task : tasks) {
      sent.put(
          task,
          stub.cancel(
              CancelRequest.newBuilder()
                  .setTaskId(task.value())
                  .setNote(reason)
                  .setAgentGone(true)
                  .build()));
    }
    return sent.entrySet().stream()
        .filter(one -> !says(one, task -> true))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Whether the answer, once it is there, is such a one; so it is where there is no such task. */
  private static boolean says(Map.Entry<TaskId, Future<Task>> asked, Predicate<Task> such) {
    try {
      return such.test(asked.getValue().get());
    } catch (ExecutionException e) {
      LOG.debug("no answer for {}", asked.getKey(), e.getCause());
      return Status.fromThrowable(e).getCode() == Status.Code.NOT_FOUND;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Nobody needs it any more, and nobody uses it: the connection ends. */
  void retire() {
    close();
  }

  /** The sidecar stops: the connection ends, the tasks after the broker's grace. */
  void close() {
    turn.writeLock().lock();
    try {
      gone = true;
      shown = null;
      if (channel != null) {
        channel.shutdownNow();
      }
    } finally {
      turn.writeLock().unlock();
    }
  }
}
