package io.exeat.gateway.grpc;

import io.exeat.attest.Connections;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Approver;
import io.exeat.flow.Operator;
import io.exeat.flow.OperatorRequests;
import io.exeat.identity.SpiffeTls;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerTransportFilter;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** gRPC over mTLS with X.509-SVIDs, to agents and operators that bring their own. */
public final class TlsDoor implements AutoCloseable {

  private static final int KEEP_ALIVE_SECONDS = 30;
  private static final int KEEP_ALIVE_TIMEOUT_SECONDS = 10;

  private final Server server;

  private TlsDoor(Server server) {
    this.server = server;
  }

  /**
   * Opens the door. It serves when this returns.
   *
   * @param tls the broker's own identity, and the verifier of its clients'
   * @param connections is told of each that was let in
   * @throws IOException when the address cannot be had
   * @throws IllegalStateException when this JVM resumes TLS sessions
   */
  public static TlsDoor open(
      TlsDoorConfig config,
      SpiffeTls tls,
      Connections connections,
      Served agents,
      OperatorRequests operators,
      DoorParts parts)
      throws IOException {
    List<ServerServiceDefinition> services = new ArrayList<>(agents.services());
    services.addAll(
        BrokerServices.forOperators(
            operators, operators(config.operators(), tls), approvers(config.operators(), tls)));
    return open(
        config,
        tls,
        id -> true,
        new Letting(tls, connections, new Admission(parts.limits())),
        new Served(services, agents.fromMemory(), agents.decides(), agents.messageBytes()),
        parts);
  }

  /**
   * Opens a door at which nobody but {@code clients} gets through TLS. It serves when this returns.
   *
   * @throws IOException and IllegalStateException as {@link #open}
   */
  public static TlsDoor forClients(
      TlsDoorConfig config,
      SpiffeTls tls,
      Predicate<SpiffeId> clients,
      Served served,
      DoorParts parts)
      throws IOException {
    Letting letting = new Letting(tls, new Connections(), new Admission(parts.limits()));
    return open(config, tls, clients, letting, served, parts);
  }

  private static TlsDoor open(
      TlsDoorConfig config,
      SpiffeTls tls,
      Predicate<SpiffeId> clients,
      Letting letting,
      Served served,
      DoorParts parts)
      throws IOException {
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(config.address())
            .channelType(EpollServerSocketChannel.class)
            .protocolNegotiator(Gate.tls(counting(parts.limits()), tls.server(clients)))
            .handshakeTimeout(parts.limits().handshake().toMillis(), TimeUnit.MILLISECONDS)
            .addTransportFilter(letting)
            .intercept(new Naming(letting.connections))
            .addServices(served.services());
    Server server =
        Servers.configure(builder, parts, peer -> verified(peer, tls), served)
            .maxConnectionAge(config.maxConnectionAge().toMillis(), TimeUnit.MILLISECONDS)
            .maxConnectionAgeGrace(config.ageGrace().toMillis(), TimeUnit.MILLISECONDS)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
            .build();
    try {
      server.start();
    } catch (IOException | RuntimeException e) {
      server.shutdownNow();
      throw e;
    }
    return new TlsDoor(server);
  }

  /** The port that it has, for a configuration that says 0. */
  public int port() {
    return server.getListenSockets().stream()
        .map(address -> ((InetSocketAddress) address).getPort())
        .findAny()
        .orElseThrow();
  }

  private static SpiffeId verified(Peer peer, SpiffeTls tls) {
    if (peer instanceof Peer.Tls client) {
      return tls.verify(client.chain());
    }
    throw new FaultException(new Fault.Unattested("no X.509-SVID"));
  }

  private static Operators operators(Set<SpiffeId> ids, SpiffeTls tls) {
    return peer -> {
      SpiffeId id = verified(peer, tls);
      if (!ids.contains(id)) {
        throw new FaultException(
            new Fault.Denied("the caller's SPIFFE ID is not one of the configured operators"));
      }
      return new Operator(id);
    };
  }

  private static Approvers approvers(Set<SpiffeId> operators, SpiffeTls tls) {
    return peer -> {
      SpiffeId id = verified(peer, tls);
      return operators.contains(id) ? new Approver(new Operator(id)) : new Approver(id);
    };
  }

  /** Before TLS nothing is known of a client, so only all of them together are counted. */
  private static Gate.Keeper counting(Limits limits) {
    Admission admission =
        new Admission(limits.together(limits.connections(), limits.connections()));
    return (channel, known) -> {
      if (!admission.enter("all")) {
        return Optional.empty();
      }
      channel.closeFuture().addListener(closed -> admission.leave("all"));
      return Optional.of(known.toBuilder().set(Letting.CHANNEL, channel).build());
    };
  }

  /** Lets nobody in any more, gives the calls in flight a little time, then cuts them. */
  @Override
  public void close() {
    Servers.close(server);
  }

  /** After the handshake: who it is, and whether it has connections enough. */
  private static final class Letting extends ServerTransportFilter {
    static final Attributes.Key<Channel> CHANNEL = Attributes.Key.create("exeat-channel");

    private final SpiffeTls tls;
    private final Connections connections;
    private final Admission admission;
    private final AtomicLong numbers = new AtomicLong();

    Letting(SpiffeTls tls, Connections connections, Admission admission) {
      this.tls = tls;
      this.connections = connections;
      this.admission = admission;
    }

    @Override
    public Attributes transportReady(Attributes attributes) {
      Channel channel = attributes.get(CHANNEL);
      Peer.@Nullable Tls peer = peer(attributes);
      if (channel == null || peer == null) {
        close(channel);
        return attributes;
      }
      String id = tls.verify(peer.chain()).toString();
      if (!admission.enter(id)) {
        var _ =
            channel
                .eventLoop()
                .schedule(() -> close(channel), Limits.REFUSED_MILLIS, TimeUnit.MILLISECONDS);
        return attributes.toBuilder()
            .set(
                Connection.REFUSED,
                new Fault.Exhausted("connections of one SPIFFE ID", admission.perPeer()))
            .build();
      }
      connections.opened(peer);
      channel
          .closeFuture()
          .addListener(closed -> {
            admission.leave(id);
            connections.closed(peer);
          });
      return attributes.toBuilder()
          .set(Connection.KEY, Connection.of(peer, channel.eventLoop()))
          .build();
    }

    private static void close(@Nullable Channel channel) {
      if (channel != null) {
        var _ = channel.close();
      }
    }

    private Peer.@Nullable Tls peer(Attributes attributes) {
      SSLSession session = attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
      if (session == null) {
        return null;
      }
      try {
        List<X509Certificate> chain =
            Arrays.stream(session.getPeerCertificates()).map(X509Certificate.class::cast).toList();
        return new Peer.Tls(chain, numbers.incrementAndGet());
      } catch (SSLPeerUnverifiedException e) {
        return null;
      }
    }
  }
}
