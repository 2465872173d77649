package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;

/** Told of every mTLS connection that was let in; neither method may wait. */
public interface Presence {

  void opened(Peer.Tls peer);

  void closed(Peer.Tls peer);
}
