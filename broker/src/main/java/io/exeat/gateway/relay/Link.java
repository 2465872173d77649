package io.exeat.gateway.relay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.Agent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.identity.Svid;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.exeat.v1.TasksGrpc;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attested instance of an agent and its connection to the broker, which shows that agent's SVID
 * and says which instance it is of. A new SVID gives a new connection; calls on the old one come to
 * their end.
 */
final class Link {

  /** An answer that takes longer is asked for again at the next occasion. */
  private static final int ASK_SECONDS = 10;

  private static final Logger LOG = LoggerFactory.getLogger(Link.class);

  private final Agent agent;
  private final String name;
  private final Supplier<Svid> svids;
  private final Connect connect;

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

  /** Makes connections to the broker. */
  interface Connect {
    /**
     * @param name of the instance, which goes with each call
     * @param stands run, on a thread that may wait, when the connection is made, each time anew
     */
    ManagedChannel to(Svid svid, String name, Runnable stands);
  }

  /**
   * @param name what the instance is called at the broker
   */
  Link(Agent agent, String name, Supplier<Svid> svids, Connect connect, Handles handles) {
    this.handles = handles;
    this.agent = agent;
    this.name = name;
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
      channel = connect.to(now, name, this::say);
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

  /** A connection without a call would not yet be the instance's: this one is no agent's. */
  private void say() {
    try {
      var _ =
          start(connected ->
              HealthGrpc.newFutureStub(connected)
                  .withDeadlineAfter(ASK_SECONDS, TimeUnit.SECONDS)
                  .check(HealthCheckRequest.getDefaultInstance()));
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
        .filter(one -> Cancels.says(one, task -> task.getState() != TaskState.TASK_STATE_OPEN))
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
      // The one that brought the answer takes no more.
      ManagedChannel own = connect.to(last, name, () -> {});
      Cancels.send(own, late, agent, reason);
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
      Cancels.send(last, handles.takeBound(), agent, reason);
      last.shutdown();
    }
  }

  /** Nobody needs it any more, or nobody waits for it any more: the connection ends. */
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
