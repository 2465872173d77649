package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;

/** A door's own look at the peer, before each call. */
@FunctionalInterface
public interface PeerCheck {

  /** The kernel vouches for the whole connection. */
  PeerCheck NONE = peer -> {};

  /**
   * Looks at {@code peer} now.
   *
   * @throws io.exeat.base.FaultException Unattested when nothing of this peer may be served any
   *     more
   */
  void look(Peer peer);
}
