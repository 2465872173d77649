package io.exeat.flow;

import io.exeat.attest.Peer;
import io.exeat.base.CredentialId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.revoke.Revoker;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * What is true now, put together for an answer; and waiting, with an end, for it to become true.
 */
final class Views {
  private static final long A_MOMENT = Duration.ofMillis(1).toNanos();

  private final Tasks tasks;
  private final Holdings holdings;
  private final Revoker revoker;
  private final Endings endings;

  Views(Tasks tasks, Holdings holdings, Revoker revoker, Endings endings) {
    this.tasks = tasks;
    this.holdings = holdings;
    this.revoker = revoker;
    this.endings = endings;
  }

  TaskView of(Task task) {
    return new TaskView(task, holdings.of(task.id()), pending(task.id()));
  }

  Optional<String> pending(TaskId id) {
    return Optional.ofNullable(revoker.pending().get(id));
  }

  Held held(CredentialId id) {
    return holdings.find(id).orElseThrow(() -> new FaultException(new Fault.NoSuchCredential(id)));
  }

  /** The task's own credential; another task's is unknown. */
  Held held(TaskId task, CredentialId id) {
    Held held = held(id);
    if (!held.epoch().task().equals(task)) {
      throw new FaultException(new Fault.NoSuchCredential(id));
    }
    return held;
  }

  /**
   * @throws FaultException Exhausted when the task holds {@code most} live credentials
   */
  void requireRoom(TaskId task, int most) {
    long live =
        holdings.of(task).stream().filter(held -> held.state() != Held.State.REVOKED).count();
    if (live >= most) {
      throw new FaultException(new Fault.Exhausted("live credentials of one task", most));
    }
  }

  /** The secret of a credential that is alive. */
  SecretBytes secret(CredentialId id) {
    if (held(id).state() != Held.State.ACTIVE) {
      throw new FaultException(new Fault.NoSuchCredential(id));
    }
    return holdings.secret(id).orElseThrow();
  }

  /**
   * The task once it is OPEN or ENDED, or has nothing left that can be taken back; or as it is
   * after {@code within}.
   */
  Task settledWithin(TaskId id, Duration within) {
    long until =
        System.nanoTime() + within.toNanos(); // this thread's patience, no span of a task's
    Task task = task(id);
    while (!isSettled(task) && !endings.onlyLasts(id) && System.nanoTime() < until) {
      await(endings.recalled(id), Duration.ofNanos(until - System.nanoTime()));
      task = task(id);
      if (!isSettled(task)) {
        LockSupport.parkNanos(A_MOMENT); // between two links of its chain
      }
    }
    return task;
  }

  /** Waits for {@code done}, at most {@code within}. */
  void await(Future<?> done, Duration within) {
    try {
      done.get(within.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      // what is true then is the answer
    } catch (ExecutionException e) {
      throw new IllegalStateException("an ending failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** For the audit: what the kernel or the handshake said, before there is an identity. */
  static String describe(Peer peer) {
    return switch (peer) {
      case Peer.Local local -> "uid " + local.uid() + " pid " + local.pid();
      case Peer.Vouched it -> it.id() + " by " + it.by();
      case Peer.Tls tls -> "mTLS client " + tls.chain().getFirst().getSerialNumber().toString(16);
    };
  }

  private Task task(TaskId id) {
    return tasks.find(id).orElseThrow(() -> new FaultException(new Fault.NoSuchTask(id)));
  }

  private static boolean isSettled(Task task) {
    return task.state() == Task.State.OPEN || task.state() == Task.State.ENDED;
  }
}
