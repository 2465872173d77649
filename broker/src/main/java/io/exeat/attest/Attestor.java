package io.exeat.attest;

import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * From peer evidence to an agent. Each mode of {@code attestation.mode} is one implementation; all
 * pass {@code AttestorContract}.
 */
public interface Attestor extends AutoCloseable {
  /**
   * The agent behind {@code peer}, attested now: the peer is looked at again after its identity has
   * arrived, so an identity never goes to a successor of the process that asked.
   *
   * @throws io.exeat.base.FaultException Unattested when the peer has no identity, has gone, has
   *     more than one that matches, or is not of a kind that this mode serves; Unavailable IDENTITY
   *     when the issuer cannot be asked; Exhausted when too many processes of one user are attested
   * @throws WouldWait on an event loop, when the issuer would have to be asked: what {@link #knows}
   *     said can be over by now
   */
  Agent attest(Peer peer);

  /**
   * Whether {@link #attest} would answer from memory just now, so that it may be asked on an event
   * loop. Never waits. No is always a right answer.
   */
  default boolean knows(Peer peer) {
    return false;
  }

  /**
   * Whom {@code peer} was last attested as, however long ago, if the issuer vouches for it still
   * and it is there. Asks nobody and never waits. Enough to foresee for somebody who has not asked,
   * and for nothing that is done or given; empty when it is not known.
   */
  default Optional<Agent> lastKnown(Peer peer) {
    return Optional.empty();
  }

  /**
   * Runs {@code then} once, with the reason for people, when the instance can no longer be vouched
   * for: its process died, its last connection was gone longer than the grace, or its identity was
   * withdrawn or expired. At once, when that is so already.
   */
  Subscription whenGone(Agent agent, Consumer<String> then);

  /**
   * The agent's own X.509-SVID, for a sidecar that relays its calls.
   *
   * @throws io.exeat.base.FaultException Unattested when this mode cannot have it (mtls) or it is
   *     gone
   */
  Svid svidOf(Agent agent);

  @Override
  void close();
}
