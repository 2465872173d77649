package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.attest.UnixPeers;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Approver;
import io.exeat.flow.Operator;
import io.exeat.flow.OperatorRequests;
import io.grpc.Attributes;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** gRPC on a Unix socket, to peers that the kernel names. */
public final class UnixDoor implements AutoCloseable {

  /** Connections too many that are told so at a time, of one uid and together. */
  static final int TOLD_PER_PEER = 8;

  static final int TOLD = 64;

  private final SocketFile file;
  private final Server server;

  private UnixDoor(SocketFile file, Server server) {
    this.file = file;
    this.server = server;
  }

  /**
   * Opens the agents' door. It serves when this returns.
   *
   * @throws IOException saying what is wrong with the socket's place, who has it, and what to do
   */
  public static UnixDoor forAgents(UnixDoorConfig config, Served served, DoorParts parts)
      throws IOException {
    SocketFile file = SocketFile.take(config.socket(), config.group());
    return open(file, new Publish("rw-rw----", config.group()), served, parts);
  }

  /**
   * Opens the operators' door. It serves when this returns.
   *
   * @throws IOException as {@link #forAgents}
   */
  public static UnixDoor forOperators(
      AdminSocketConfig config, OperatorRequests flow, DoorParts parts) throws IOException {
    SocketFile file = SocketFile.take(config.socket(), Optional.empty());
    return open(
        file,
        new Publish("rw-------", Optional.empty()),
        new Served(
            BrokerServices.forOperators(
                flow,
                operators(config.uids()),
                peer -> new Approver(operators(config.uids()).require(peer))),
            peer -> false),
        parts);
  }

  /**
   * Looks whether a door could open at {@code socket}; makes nothing, and a door that is open there
   * is no obstacle.
   *
   * @throws IOException as {@link #forAgents}
   */
  public static void check(Path socket) throws IOException {
    SocketFile.check(socket);
  }

  private record Publish(String mode, Optional<String> group) {}

  private static Operators operators(Set<Integer> uids) {
    return peer -> {
      if (peer instanceof Peer.Local local && uids.contains(local.uid())) {
        return new Operator("uid " + local.uid());
      }
      throw new FaultException(
          new Fault.Denied("the caller's uid is not in the configured uids of the admin socket"));
    };
  }

  private static UnixDoor open(SocketFile file, Publish publish, Served served, DoorParts parts)
      throws IOException {
    Keeper keeper = new Keeper(parts.limits());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new DomainSocketAddress(file.fresh().toFile()))
            .channelFactory(() -> listening(keeper))
            .protocolNegotiator(Gate.plain(keeper))
            .addServices(served.services())
            .addService(ProtoReflectionServiceV1.newInstance());
    Server server =
        Servers.configure(builder, parts, PeerCheck.NONE, served)
            .maxConnectionIdle(parts.limits().idle().toMillis(), TimeUnit.MILLISECONDS)
            .build();
    try {
      server.start();
      file.publish(publish.mode(), publish.group());
      return new UnixDoor(file, server);
    } catch (IOException | RuntimeException e) {
      server.shutdownNow();
      file.close();
      throw e;
    }
  }

  /**
   * One that hangs up at once on who is beyond all limits: who knocks all the time is to cost the
   * others nothing, and a connection that HTTP/2 has been made ready for does.
   */
  private static ServerChannel listening(Keeper keeper) {
    ServerChannel channel = new EpollServerDomainSocketChannel();
    channel
        .pipeline()
        .addFirst(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelRead(ChannelHandlerContext context, Object accepted) {
                if (accepted instanceof EpollDomainSocketChannel knock && keeper.isBeyond(knock)) {
                  knock.unsafe().closeForcibly();
                } else {
                  context.fireChannelRead(accepted);
                }
              }
            });
    return channel;
  }

  /** Lets nobody in any more, gives the calls in flight a little time, then cuts them. */
  @Override
  public void close() {
    file.close();
    Servers.close(server);
  }

  /**
   * Lets a peer in, or says why not. A connection too many is told so for a moment, as the mTLS
   * door does; of those a few are open at a time, and what comes beyond them is closed in silence.
   */
  private record Keeper(Limits limits, Admission admission, Admission told) implements Gate.Keeper {

    Keeper(Limits limits) {
      this(limits, new Admission(limits), new Admission(limits.together(TOLD_PER_PEER, TOLD)));
    }

    /** Whether it could neither stay nor be told why not; asked before anything is made for it. */
    boolean isBeyond(EpollDomainSocketChannel knock) {
      try {
        String owner = owner(knock);
        return admission.isFull(owner) && told.isFull(owner);
      } catch (FaultException e) {
        return true; // it has gone meanwhile
      }
    }

    private static String owner(EpollDomainSocketChannel socket) {
      return "uid " + UnixPeers.uid(socket);
    }

    @Override
    public Optional<Attributes> admit(Channel channel, Attributes known) {
      EpollDomainSocketChannel socket = (EpollDomainSocketChannel) channel;
      String owner = owner(socket);
      if (!admission.enter(owner)) {
        return told(channel, owner, known);
      }
      channel.closeFuture().addListener(closed -> admission.leave(owner));
      Peer.Local peer = UnixPeers.read(socket);
      channel.pipeline().addFirst(new FirstBytes(limits.handshake()));
      return Optional.of(
          known.toBuilder().set(Connection.KEY, Connection.of(peer, channel.eventLoop())).build());
    }

    private static void after(int times, Channel channel, Runnable close) {
      var _ =
          channel.eventLoop().schedule(close, times * Limits.REFUSED_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** It costs a descriptor for that moment and no look at the process. */
    private Optional<Attributes> told(Channel channel, String owner, Attributes known) {
      if (!told.enter(owner)) {
        return Optional.empty();
      }
      channel.closeFuture().addListener(closed -> told.leave(owner));
      after(
          1,
          channel,
          () -> {
            var _ = channel.close();
          });
      // In front of HTTP/2, which waits for calls that the peer keeps open.
      after(
          2,
          channel,
          () -> {
            var _ = channel.pipeline().firstContext().close();
          });
      return Optional.of(
          known.toBuilder()
              .set(
                  Connection.REFUSED,
                  new Fault.Exhausted("connections of one user", admission.perPeer()))
              .build());
    }
  }
}
