package io.exeat.gateway.grpc;

import io.exeat.attest.Connections;
import io.exeat.attest.Peer;
import io.exeat.gateway.FakeFlow;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.identity.TestIdentity;
import io.exeat.identity.TestTime;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/** A real mTLS door in front of a fake flow that knows agents by their certificates. */
public final class TlsFixture implements AutoCloseable {

  public static final SpiffeId BROKER = SpiffeId.parse("spiffe://example.org/broker/one");
  public static final String AGENT = "spiffe://example.org/agent/orders";
  public static final String OPERATOR = "spiffe://example.org/operator/ann";

  public final TestAuthority authority = new TestAuthority("example.org");
  public final TestIdentity identity =
      new TestIdentity(authority.issue(BROKER.toString()), authority.certificate());
  public final SpiffeTls tls = new SpiffeTls(identity, TestTime.real());
  public final Connections connections = new Connections();
  public final FakeFlow flow =
      new FakeFlow(peer -> tls.verify(((Peer.Tls) peer).chain()).toString());
  public final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  public final ExecutorService calls =
      java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor();

  private final List<Runnable> opened = new ArrayList<>();
  private final EventLoopGroup clients =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

  public TlsDoor open() throws IOException {
    return open(Limits.DEFAULT, Duration.ofMinutes(10), 0);
  }

  public TlsDoor open(Limits limits, Duration age, int port) throws IOException {
    return open(limits, age, TlsDoorConfig.AGE_GRACE, port);
  }

  public TlsDoor open(Limits limits, Duration age, Duration grace, int port) throws IOException {
    TlsDoor door =
        TlsDoor.open(
            new TlsDoorConfig(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
                Set.of(SpiffeId.parse(OPERATOR)),
                age,
                grace),
            tls,
            connections,
            BrokerServices.forAgents(flow),
            flow,
            new DoorParts(loops, calls, new Serving(), limits));
    opened.addFirst(door::close);
    return door;
  }

  /** What a client with this SVID, trusting this fixture's authority, uses. */
  public SslContext client(Svid svid) {
    return new SpiffeTls(new TestIdentity(svid, authority.certificate()), TestTime.real())
        .client(BROKER::equals);
  }

  public ManagedChannel channel(TlsDoor door, SslContext context) {
    return channel(door.port(), context);
  }

  public ManagedChannel channel(int port, SslContext context) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port)
            .channelType(EpollSocketChannel.class)
            .eventLoopGroup(clients)
            .flowControlWindow(65_535)
            .sslContext(context)
            .build();
    opened.addFirst(channel::shutdownNow);
    return channel;
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
    calls.shutdownNow();
    var ours = loops.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    var theirs = clients.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    ours.awaitUninterruptibly(3, TimeUnit.SECONDS);
    theirs.awaitUninterruptibly(3, TimeUnit.SECONDS);
  }
}
