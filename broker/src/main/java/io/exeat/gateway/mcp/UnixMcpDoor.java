package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.exeat.attest.UnixPeers;
import io.exeat.gateway.grpc.Admission;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.SocketFile;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** MCP on a Unix socket, to agents that the kernel names. */
public final class UnixMcpDoor implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final SocketFile file;
  private final Channel server;

  private UnixMcpDoor(SocketFile file, Channel server) {
    this.file = file;
    this.server = server;
  }

  /**
   * Opens the door. It serves when this returns.
   *
   * @param socket as the agents' own socket has to be placed
   * @param group that may use it, by name; the broker's own unless given
   * @throws IOException saying what is wrong with the socket's place, who has it, and what to do
   */
  public static UnixMcpDoor open(
      Path socket, Optional<String> group, Gateway gateway, DoorParts parts) throws IOException {
    SocketFile file = SocketFile.take(socket, group);
    Admission admission = new Admission(parts.limits());
    var bootstrap =
        new ServerBootstrap()
            .group(parts.loops())
            .channel(EpollServerDomainSocketChannel.class)
            .childHandler(
                HttpServer.connection(
                    channel -> List.of(), channel -> serving(channel, gateway, admission, parts)));
    try {
      Channel server =
          bootstrap
              .bind(new DomainSocketAddress(file.fresh().toFile()))
              .syncUninterruptibly()
              .channel();
      file.publish("rw-rw----", group);
      return new UnixMcpDoor(file, server);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static HttpConnection serving(
      Channel channel, Gateway gateway, Admission admission, DoorParts parts) {
    EpollDomainSocketChannel socket = (EpollDomainSocketChannel) channel;
    String owner = "uid " + UnixPeers.uid(socket);
    if (!admission.enter(owner)) {
      throw new IllegalStateException(owner + " has too many connections");
    }
    channel.closeFuture().addListener(_ -> admission.leave(owner));
    Peer.Local peer = UnixPeers.read(socket);
    return new HttpConnection(gateway, parts.calls(), PATIENCE, (_, _) -> peer);
  }

  /** Lets nobody in any more and cuts those who are in. */
  @Override
  public void close() {
    file.close();
    var _ = server.close();
  }
}
