package io.exeat.gateway.relay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.Agent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.identity.Svid;
import io.exeat.v1.Binding;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attested instance of an agent and its connection to the broker, which shows that agent's
 * SVID. A new SVID gives a new connection; calls on the old one come to their end.
 */
final class Link {

  /** Handles that one instance can have in use; an older one costs a question to the broker. */
  private static final int REMEMBERED = 4096;

  private static final int CANCEL_SECONDS = 10;

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

  @GuardedBy("handles")
  private final Map<TaskId, Hold> handles =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<TaskId, Hold> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** What this instance is to a task. */
  private enum Hold {
    /** It opened the task, which ends with it. */
    BOUND,
    /** The task is bound to the SPIFFE ID alone. */
    SHARED,
    /** It opened the task, and ended it. */
    OVER
  }

  Link(Agent agent, Supplier<Svid> svids, Function<Svid, ManagedChannel> connect) {
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

  /** Whether this instance may use the handle, as far as is known here. */
  boolean holds(TaskId task) {
    synchronized (handles) {
      return handles.containsKey(task);
    }
  }

  /** Whether the task ends with this instance. */
  boolean isBound(TaskId task) {
    synchronized (handles) {
      Hold hold = handles.get(task);
      return hold == Hold.BOUND || hold == Hold.OVER;
    }
  }

  /** The broker has answered that this instance opened {@code task}. */
  void opened(Task task) {
    put(
        new TaskId(task.getId()),
        task.getBinding() == Binding.BINDING_IDENTITY ? Hold.SHARED : Hold.BOUND);
  }

  /** The broker has answered that {@code task} is bound to the SPIFFE ID alone. */
  void shares(TaskId task) {
    put(task, Hold.SHARED);
  }

  /** The broker has answered that {@code task} is ending. */
  void over(TaskId task) {
    synchronized (handles) {
      handles.computeIfPresent(task, (id, hold) -> hold == Hold.BOUND ? Hold.OVER : hold);
    }
  }

  private void put(TaskId task, Hold hold) {
    synchronized (handles) {
      handles.put(task, hold);
    }
  }

  /**
   * The instance is no more: ends its tasks at the broker, then the connection. Where the broker
   * cannot be told, it ends them by itself after its grace, for want of a connection.
   */
  void end(String reason) {
    ManagedChannel last;
    turn.writeLock().lock();
    try {
      if (gone) {
        return;
      }
      gone = true;
      last = channel;
    } finally {
      turn.writeLock().unlock();
    }
    if (last == null) {
      return;
    }
    for (TaskId task : bound()) {
      try {
        var _ =
            TasksGrpc.newBlockingStub(last)
                .withWaitForReady()
                .withDeadlineAfter(CANCEL_SECONDS, TimeUnit.SECONDS)
                .cancel(
                    CancelRequest.newBuilder()
                        .setTaskId(task.value())
                        .setNote("the agent's process has gone")
                        .build());
      } catch (StatusRuntimeException e) {
        LOG.warn("task {} of {} ({}) is left to the broker's grace", task, agent, reason, e);
      }
    }
    last.shutdown();
  }

  private List<TaskId> bound() {
    synchronized (handles) {
      return handles.entrySet().stream()
          .filter(entry -> entry.getValue() == Hold.BOUND)
          .map(Map.Entry::getKey)
          .toList();
    }
  }

  /** The sidecar stops: the connection ends, the tasks after the broker's grace. */
  void close() {
    turn.writeLock().lock();
    try {
      gone = true;
      if (channel != null) {
        channel.shutdownNow();
      }
    } finally {
      turn.writeLock().unlock();
    }
  }
}
