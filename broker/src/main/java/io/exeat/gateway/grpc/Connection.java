package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.grpc.Attributes;
import io.netty.channel.EventLoop;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One connection as its door made it.
 *
 * @param peer who is at the other end
 * @param attested set once a call of it was answered: from then on the peer's identity is in memory
 * @param loop its event loop, for what must not wait
 */
public record Connection(Peer peer, AtomicBoolean attested, EventLoop loop) {

  /** Where a door leaves it for the calls. */
  static final Attributes.Key<Connection> KEY = Attributes.Key.create("exeat-connection");

  /** Why a door will close the connection in a moment, which its calls until then are told. */
  static final Attributes.Key<Fault> REFUSED = Attributes.Key.create("exeat-refused");

  static Connection of(Peer peer, EventLoop loop) {
    return new Connection(peer, new AtomicBoolean(), loop);
  }

  /** The same one, whose peer has said more of itself. */
  Connection named(Peer more) {
    return new Connection(more, attested, loop);
  }
}
