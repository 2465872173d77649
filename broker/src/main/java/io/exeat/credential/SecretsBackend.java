package io.exeat.credential;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.Health;
import io.exeat.base.LeaseId;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The exchange with Vault or OpenBao: one token for each epoch, leases under it.
 *
 * <p>All calls are blocking and bounded by the backend's time limit (configuration {@code
 * vault.timeout}). No call is ever repeated by itself. A {@link io.exeat.base.FaultException} from
 * {@link #openEpoch} or {@link #issue} says that nothing was made; {@link AnswerLost} says that
 * something may have been: the caller ends the epoch's token. A lost answer of {@code openEpoch}
 * leaves a token that nobody holds: the backend retires its session, so that it ends with the
 * session's last epoch at the latest.
 */
public interface SecretsBackend extends AutoCloseable {
  /**
   * Creates the epoch's token: a service token, child of the broker's session, not renewable, its
   * entity the agent's, its policies exactly those of {@code grants}, living at most {@code
   * atMost}.
   *
   * @param wholes what its task is a part of, for who looks at Vault alone; empty for a task of its
   *     own
   * @throws io.exeat.base.FaultException Unavailable VAULT
   * @throws AnswerLost when the token may exist
   */
  EpochToken openEpoch(
      Epoch epoch,
      List<TaskId> wholes,
      AgentEntry agent,
      Collection<Grant> grants,
      Duration atMost);

  /**
   * Issues a credential under the epoch's token.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT, or TARGET when Vault answered that the
   *     target is away
   * @throws AnswerLost when the credential may exist
   */
  Lent issue(EpochToken token, Grant grant);

  /**
   * Renews a lease for another {@code atMost} and says until when it lives now.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT; NoSuchCredential is never thrown: a
   *     lease that Vault does not know any more is answered with {@link Instant#MIN}
   */
  Instant renew(EpochToken token, LeaseId lease, Duration atMost);

  /**
   * Ends a token by its accessor: dead when this returns, its leases follow on Vault's own time. A
   * token that Vault does not know is already ended: no fault.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT
   */
  void endToken(Accessor accessor);

  /**
   * Ends a lease and waits until Vault has done so at the target ({@code sync=true}). A lease that
   * Vault does not know is already ended: no fault.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT, or TARGET when Vault could not reach it
   */
  void endLease(LeaseId lease);

  /**
   * Disables an agent's entity, so that every token of it is refused and none is made, by any
   * broker; or enables it again. Tokens that live then work again: they are to be ended first.
   *
   * @param agent its catalogue name
   * @throws io.exeat.base.FaultException Unavailable VAULT
   */
  void disable(String agent, boolean disabled);

  /** Whether Vault says that it does not know the token. */
  boolean tokenGone(Accessor accessor);

  /** Whether Vault says that it does not know the lease. */
  boolean leaseGone(LeaseId lease);

  /**
   * Asks how far the backend's wall clock is ahead of ours, less than zero when behind; to half a
   * second.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT
   */
  Duration clockAhead();

  /**
   * Runs {@code listener} with the epochs whose tokens Vault ended by itself (their session was
   * revoked, expired or rolled back), on a thread of the backend's, once for each loss.
   */
  Subscription onLost(Consumer<Set<Epoch>> listener);

  /**
   * Runs {@code listener} with the epochs that will end with their session soon, because Vault does
   * not renew it any more: at most 60 s before, on a thread of the backend's, once for each
   * session.
   */
  Subscription onExpiring(Consumer<Set<Epoch>> listener);

  /** Whether it has a session with Vault, as of the last heartbeat or call. */
  Health health();

  /**
   * Ends nothing in Vault: what is outstanding is the revoker's, or dies with the session's TTL.
   */
  @Override
  void close();
}
