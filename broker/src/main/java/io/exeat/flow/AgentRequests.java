package io.exeat.flow;

import io.exeat.attest.Peer;
import io.exeat.base.CredentialId;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.policy.Act;
import io.exeat.task.EndCause;
import io.exeat.task.TaskEvent;
import java.time.Duration;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What agents ask, as the doors hand it in. {@code Broker} tells each request's story; the promises
 * are those of {@code exeat/v1/task.proto} and {@code credential.proto}.
 *
 * <p>Every refusal is a {@link io.exeat.base.FaultException}, recorded in the audit chain. Methods
 * with {@code within} return at that time at the latest, with what is true then.
 */
public interface AgentRequests {
  Opened open(Peer peer, OpenTask ask);

  /**
   * @param epoch the one that the caller believes to be current
   */
  TaskView changeScope(Peer peer, TaskId task, Set<String> scope, long epoch, Duration within);

  /**
   * @param cause COMPLETED, CANCELLED or, by a sidecar, AGENT_GONE
   */
  TaskView end(Peer peer, TaskId task, EndCause cause, String note, Duration within);

  TaskView get(Peer peer, TaskId task);

  /**
   * Gives {@code listener} a snapshot at once and every event after it, in order, one at a time,
   * until the task has ended or the subscription is closed. The listener must not block.
   *
   * @param after the number of the last event that the caller has seen, to go on with the next one
   *     in place of the snapshot; 0 for none
   */
  Subscription watch(Peer peer, TaskId task, long after, Consumer<TaskEvent> listener);

  /**
   * @param epoch the one that the caller believes to be current; 0 for whichever is
   */
  Issued issue(Peer peer, TaskId task, String grant, long epoch, String idempotencyKey);

  /**
   * Whether one act may be done under the task's open epoch. A permit is on record when this
   * returns, and the act is under way until its {@link Allowed#done}.
   *
   * @throws io.exeat.base.FaultException OutOfScope, OutsideCeiling, and the task's own
   */
  default Judged judge(Peer peer, TaskId task, Act act) {
    return judging(peer, task, act).await();
  }

  /**
   * As {@link #judge}, but returns once it is decided: the record follows, and {@link
   * Judging#await} must.
   *
   * @throws io.exeat.base.FaultException as {@link #judge}
   */
  Judging judging(Peer peer, TaskId task, Act act);

  /**
   * As {@link #judge}, for who goes on only with a permit.
   *
   * @throws io.exeat.base.FaultException Denied too, and Unavailable POLICY
   */
  default Allowed check(Peer peer, TaskId task, Act act) {
    return judge(peer, task, act).orThrow();
  }

  /**
   * Whether {@link #judging} waits for nobody just now: neither an engine elsewhere nor the disk.
   */
  boolean judgesFromMemory();

  Held release(Peer peer, TaskId task, CredentialId credential, Duration within);
}
