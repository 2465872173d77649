package io.exeat.identity.development;

import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.TrustBundles;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A SPIFFE issuer for development: the Workload API, the Broker API and SPIRE's Delegated Identity
 * API over Unix sockets, with the wire and the ways of SPIRE. It believes {@code /proc} and holds
 * its keys in memory, so nothing real may trust it.
 */
public final class DevelopmentAuthority implements AutoCloseable {
  private static final Duration ROTATION_TICK = Duration.ofMillis(200);
  private static final Duration OWN_LIFE = Duration.ofDays(1);

  private final DevelopmentConfig config;
  private final SpiffeTransport transport;
  private final CertificateAuthority certificates;
  private final JwtAuthority jwts;
  private final Bundles bundles;
  private final Registry registry;
  private final SpiffeTls tls;
  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Server> servers = new ArrayList<>();
  private boolean rotating;
  private volatile boolean closed;

  /** Makes its keys and writes their public parts; {@link #start} opens the sockets. */
  public DevelopmentAuthority(DevelopmentConfig config, SpiffeTransport transport, Time time) {
    this.config = config;
    this.transport = transport;
    this.certificates = new CertificateAuthority(config.trustDomain(), time);
    this.jwts = new JwtAuthority(time);
    this.bundles = new Bundles(config.trustDomain(), certificates.certificate());
    this.registry = new Registry(certificates, time);
    config.entries().forEach(registry::add);
    this.tls = new SpiffeTls(new Own(), time);
    writePublicKeys();
  }

  /**
   * Opens the sockets; also again, after {@link #stop}.
   *
   * @throws UncheckedIOException when one cannot be
   */
  public synchronized DevelopmentAuthority start() {
    WorkloadService workload = new WorkloadService(bundles, registry, jwts);
    BrokerService broker = new BrokerService(bundles, registry, jwts);
    DelegatedService delegated = new DelegatedService(bundles, registry, config.brokers());
    servers.add(
        listen(
            builder(workloadSocket())
                .protocolNegotiator(new PeerPid())
                .addService(
                    ServerInterceptors.intercept(
                        workload, PeerPid.interceptor(), PeerPid.header("workload.spiffe.io")))));
    servers.add(
        listen(
            builder(brokerSocket())
                .sslContext(tls.server(config.brokers()::contains))
                .addService(
                    ServerInterceptors.intercept(broker, PeerPid.header("broker.spiffe.io")))));
    servers.add(
        listen(
            builder(adminSocket())
                .protocolNegotiator(new PeerPid())
                .addService(ServerInterceptors.intercept(delegated, PeerPid.interceptor()))));
    if (!rotating) {
      rotating = true;
      rotateLater();
    }
    return this;
  }

  private NettyServerBuilder builder(Path socket) {
    try {
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return NettyServerBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
        .channelType(EpollServerDomainSocketChannel.class)
        .bossEventLoopGroup(transport.loop())
        .workerEventLoopGroup(transport.loop())
        .executor(calls);
  }

  private static Server listen(NettyServerBuilder builder) {
    try {
      return builder.build().start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void rotateLater() {
    var _ =
        transport.after(
            ROTATION_TICK,
            () -> {
              if (!closed) {
                registry.rotateOld();
                rotateLater();
              }
            });
  }

  /** Breaks all connections and removes the sockets, as a SPIRE agent that stops. */
  public synchronized void stop() {
    for (Server server : servers) {
      server.shutdownNow();
    }
    for (Server server : servers) {
      try {
        var _ = server.awaitTermination(2, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    servers.clear();
    for (Path socket : List.of(workloadSocket(), brokerSocket(), adminSocket())) {
      try {
        Files.deleteIfExists(socket);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Entitles the processes that match. */
  public void add(Entry entry) {
    registry.add(entry);
  }

  /** Withdraws what {@code entry} gave. */
  public void remove(Entry entry) {
    registry.remove(entry);
  }

  /** Gives every workload a new SVID and key now. */
  public void rotate() {
    registry.rotate();
  }

  /** Federates with {@code other}, or with {@code authorities} empty no longer. */
  public void federate(TrustDomain other, Set<X509Certificate> authorities) {
    if (authorities.isEmpty()) {
      bundles.remove(other);
    } else {
      bundles.put(other, authorities);
    }
    registry.rotate();
  }

  /** An SVID for whom there is no entry: a test's or the demo's own client. */
  public Svid issue(SpiffeId id, Duration life) {
    return certificates.issue(id, "", life);
  }

  /** The trust domain's authority. */
  public X509Certificate authority() {
    return certificates.certificate();
  }

  /** The Workload API's socket. */
  public Path workloadSocket() {
    return config.directory().resolve("workload.sock");
  }

  /** The Broker API's socket. */
  public Path brokerSocket() {
    return config.directory().resolve("broker.sock");
  }

  /** The Delegated Identity API's socket. */
  public Path adminSocket() {
    return config.directory().resolve("admin.sock");
  }

  /** The JWT authority's public key as a JWK set. */
  public Path jwks() {
    return config.directory().resolve("jwks.json");
  }

  /** The JWT authority's public key as PEM. */
  public Path jwtPem() {
    return config.directory().resolve("jwt.pem");
  }

  private void writePublicKeys() {
    try {
      Files.createDirectories(config.directory());
      Files.writeString(jwks(), jwts.jwks());
      Files.writeString(jwtPem(), jwts.pem());
      Files.writeString(
          config.directory().resolve("bundle.pem"),
          "-----BEGIN CERTIFICATE-----\n"
              + Base64.getMimeEncoder(64, new byte[] {'\n'})
                  .encodeToString(authority().getEncoded())
              + "\n-----END CERTIFICATE-----\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate of ours cannot be encoded", e);
    }
  }

  @Override
  public void close() {
    closed = true;
    stop();
    calls.shutdownNow();
  }

  /** Its own identity is as a SPIRE agent's. */
  private final class Own implements IdentitySource {
    private final Svid svid =
        certificates.issue(
            config.trustDomain().newSpiffeId("spire", "agent", "development"), "", OWN_LIFE);

    @Override
    public Svid svid() {
      return svid;
    }

    @Override
    public List<Svid> svids(SpiffeId id, String hint) {
      return List.of(svid);
    }

    @Override
    public String jwt(String audience, Duration within) {
      return jwts.issue(svid.id(), List.of(audience), within);
    }

    @Override
    public TrustBundles trust() {
      return bundles;
    }

    @Override
    public Subscription onChange(Runnable listener) {
      return () -> {};
    }

    @Override
    public void close() {}
  }
}
