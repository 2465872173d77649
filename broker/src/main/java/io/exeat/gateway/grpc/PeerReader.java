package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.netty.channel.epoll.EpollDomainSocketChannel;

/** The kernel's word on who is at the other end of a Unix socket. */
@FunctionalInterface
public interface PeerReader {

  /**
   * Does not wait. What it holds of the process it gives up when the channel closes.
   *
   * @throws io.exeat.base.FaultException Unattested when the process has gone already
   */
  Peer.Local read(EpollDomainSocketChannel channel);
}
