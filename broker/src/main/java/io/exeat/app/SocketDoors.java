package io.exeat.app;

import io.exeat.base.Time;
import io.exeat.cli.Doors;
import io.exeat.config.ConfigException;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.workload.WorkloadIdentity;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;

/** Channels for the command line; each command ends the process, and with it what it opened. */
final class SocketDoors implements Doors {
  @Override
  public Path agentSocket() {
    String named = System.getenv().getOrDefault("EXEAT_SOCKET", "");
    return named.isEmpty()
        ? config().map(it -> it.socket().socket()).orElse(Path.of("/run/exeat/agent.sock"))
        : Path.of(named);
  }

  @Override
  public Path adminSocket() {
    String named = System.getenv().getOrDefault("EXEAT_ADMIN_PATH", "");
    return named.isEmpty()
        ? config().map(it -> it.admin().socket()).orElse(Path.of("/run/exeat/admin.sock"))
        : Path.of(named);
  }

  /** Clients often have no configuration, or may not read it. */
  private static Optional<BrokerConfig> config() {
    try {
      return Optional.of(ConfigFile.read(Optional.empty(), System.getenv()));
    } catch (ConfigException e) {
      return Optional.empty();
    }
  }

  @Override
  public ManagedChannel over(Path socket) {
    return NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
        .channelType(EpollDomainSocketChannel.class)
        .eventLoopGroup(new SpiffeTransport().loop())
        .overrideAuthority("exeat.local")
        .usePlaintext()
        .disableRetry()
        .directExecutor()
        .build();
  }

  @Override
  public Optional<String> brokerId() {
    String named = System.getenv().getOrDefault("EXEAT_BROKER_ID", "");
    return named.isEmpty() ? config().flatMap(SocketDoors::relayedTo) : Optional.of(named);
  }

  private static Optional<String> relayedTo(BrokerConfig config) {
    return config.form() instanceof BrokerConfig.Relayed it
        ? Optional.of(it.relay().broker().toString())
        : Optional.empty();
  }

  @Override
  @SuppressWarnings("MustBeClosedChecker") // because the process ends with the command
  public ManagedChannel to(String host, int port, String broker) {
    SpiffeId expected = SpiffeIds.parse("broker-id", broker);
    IdentityConfig own = ConfigFile.client(System.getenv());
    Time time = new Time(InstantSource.system(), System::nanoTime);
    SpiffeTransport transport = new SpiffeTransport();
    WorkloadIdentity identity = new WorkloadIdentity(own, transport, time).await();
    return to(host, port, expected, new SpiffeTls(identity, time), transport.loop());
  }

  static ManagedChannel to(
      String host, int port, SpiffeId broker, SpiffeTls tls, EventLoopGroup loop) {
    return NettyChannelBuilder.forAddress(host, port)
        .channelType(EpollSocketChannel.class)
        .eventLoopGroup(loop)
        .sslContext(tls.client(broker::equals))
        .disableRetry()
        .build();
  }
}
