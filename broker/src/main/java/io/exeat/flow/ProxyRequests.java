package io.exeat.flow;

import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import java.util.List;
import java.util.Optional;

/**
 * What a proxy asks before it does an agent's act in the agent's place. The credential that the act
 * needs comes to the proxy and goes no further.
 *
 * <p>Every refusal is a {@link io.exeat.base.FaultException}, recorded in the audit chain.
 */
public interface ProxyRequests {
  /**
   * The task that an act belongs to: the one that the caller names, or the only one that it has.
   *
   * @param named by the agent, so it may be anything
   * @throws io.exeat.base.FaultException NoSuchTask for another agent's; Malformed {@code task}
   *     when none is named and the agent has none or several
   */
  TaskId meant(Peer peer, Optional<TaskId> named);

  /**
   * Decides about one act, and gives a permitted one what it needs. A permit is on record when this
   * returns, and the act is under way until {@link Use#close}.
   *
   * @param act names its grant
   * @throws io.exeat.base.FaultException OutOfScope, OutsideCeiling, the task's own, and whatever
   *     keeps the credential from being lent; then the act has not begun
   */
  Use use(Peer peer, TaskId task, Act act);

  /**
   * As {@link #use}, for what only prepares acts, such as a handshake or a list: decided and
   * recorded, and no part of what the task did.
   */
  Use look(Peer peer, TaskId task, Act act);

  /**
   * A proxy refused a request of the peer's before there was anything to ask: it counts as refused,
   * and is recorded as refusals are, some a minute of each user.
   *
   * @param task that it was for, when that is known to be the peer's
   */
  void refused(Peer peer, Optional<TaskId> task, Fault fault);

  /**
   * What {@link #use} would answer to each of these acts now; nothing is recorded, for nothing is
   * asked for yet. An act that the task's scope or the agent's ceiling does not hold is denied.
   *
   * <p>Where a call or a prompt has no arguments they are not known yet: a denial says that it
   * would be denied with any, as far as the engine can tell ({@link
   * io.exeat.policy.PolicyEngine#foresee}).
   */
  List<Decision> foresee(Peer peer, TaskId task, List<Act> acts);

  /**
   * As {@link #foresee}, for a proxy that wants to know by itself: the agent asks for nothing, so
   * no refusal is recorded or counted as one of its. Its identity may be one that was attested a
   * while ago.
   *
   * @return empty when it cannot be told: the agent has gone or cannot be attested now, or its task
   *     is over or changing
   */
  Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId task, List<Act> acts);

  /**
   * Whether what decides is in this process, so that to {@link #foresee} waits for nobody and takes
   * nobody else's time.
   */
  boolean decidesHere();

  /**
   * How a task stands, for whoever wants to know when to {@link #foresee} again; empty once it is
   * over. Nobody is attested and nothing is recorded.
   */
  Optional<Standing> standing(TaskId task);
}
