package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.netty.handler.ssl.SslContext;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class SpiffeTlsTest {
  private static final SpiffeId BROKER = SpiffeIds.parse("id", "spiffe://td/broker");
  private static final SpiffeId AGENT = SpiffeIds.parse("id", "spiffe://td/agent");
  private static final SpiffeId FOREIGN = SpiffeIds.parse("id", "spiffe://other/agent");

  @TempDir Path directory;
  private SpiffeTransport transport;
  private DevelopmentAuthority td;
  private DevelopmentAuthority other;
  private Fixed broker;
  private Fixed agent;
  private Server server;

  /** An identity that the test sets. */
  private static final class Fixed implements IdentitySource {
    final Map<TrustDomain, Set<X509Certificate>> bundles = new ConcurrentHashMap<>();
    volatile Svid svid;

    Fixed(Svid svid) {
      this.svid = svid;
    }

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
      throw new UnsupportedOperationException();
    }

    @Override
    public TrustBundles trust() {
      return domain -> bundles.getOrDefault(domain, Set.of());
    }

    @Override
    public Subscription onChange(Runnable listener) {
      return () -> {};
    }

    @Override
    public void close() {}
  }

  @BeforeEach
  void begin() throws IOException {
    transport = new SpiffeTransport();
    td = authority("td");
    other = authority("other");
    broker = fixed(td, BROKER);
    agent = fixed(td, AGENT);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .sslContext(tls(broker).server(id -> !id.equals(BROKER)))
            .addService(new HealthStatusManager().getHealthService())
            .build()
            .start();
  }

  @AfterEach
  void end() {
    var _ = server.shutdownNow();
    transport.close();
  }

  private DevelopmentAuthority authority(String name) {
    return new DevelopmentAuthority(
        new DevelopmentConfig(
            directory.resolve(name), TrustDomain.parse(name), Set.of(), List.of()),
        transport,
        TestTime.real());
  }

  private Fixed fixed(DevelopmentAuthority by, SpiffeId id) {
    Fixed identity = new Fixed(by.issue(id, Duration.ofHours(1)));
    identity.bundles.put(TrustDomain.parse("td"), Set.of(td.authority()));
    return identity;
  }

  private static SpiffeTls tls(IdentitySource of) {
    return new SpiffeTls(of, TestTime.real());
  }

  private void call(SslContext as) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).sslContext(as).build();
    try {
      var _ =
          HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance());
    } finally {
      var _ = channel.shutdownNow();
    }
  }

  private void assertRefused(SslContext as) {
    assertThatThrownBy(() -> call(as)).isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void bothSidesAreWhoTheySay() {
    call(tls(agent).client(BROKER::equals));
    assertThat(tls(broker).verify(agent.svid().chain())).isEqualTo(AGENT);
  }

  @Test
  void whoIsNotWantedIsRefusedByEitherSide() {
    assertRefused(tls(agent).client(AGENT::equals));
    assertRefused(tls(fixed(td, BROKER)).client(BROKER::equals));
  }

  @Test
  void aFederatedClientIsVerifiedByItsOwnBundleOnly() {
    Fixed foreign = fixed(other, FOREIGN);
    assertRefused(tls(foreign).client(BROKER::equals));

    broker.bundles.put(TrustDomain.parse("other"), Set.of(other.authority()));
    call(tls(foreign).client(BROKER::equals));

    // The other domain's authority names somebody of ours.
    assertRefused(tls(fixed(other, AGENT)).client(BROKER::equals));
  }

  @Test
  void aBundleThatIsGoneIsSeenByTheNextConnectionAndTheNextCall() {
    SslContext client = tls(agent).client(BROKER::equals);
    SpiffeTls door = tls(broker);
    call(client);
    assertThat(door.verify(agent.svid().chain())).isEqualTo(AGENT);

    broker.bundles.put(TrustDomain.parse("td"), Set.of(other.authority()));

    // The same client context: a session that could be resumed would get in.
    assertRefused(client);
    assertThatThrownBy(() -> door.verify(agent.svid().chain())).isInstanceOf(FaultException.class);
  }

  @Test
  void aRotatedSvidIsUsedByTheNextConnection() {
    SslContext client = tls(agent).client(BROKER::equals);
    call(client);
    agent.svid = td.issue(AGENT, Duration.ofHours(1));
    broker.svid = td.issue(BROKER, Duration.ofHours(1));
    call(client);
  }

  @Test
  void anExpiredSvidIsRefused() {
    agent.svid = td.issue(AGENT, Duration.ofSeconds(-5));
    assertRefused(tls(agent).client(BROKER::equals));
  }

  @Test
  void aJvmThatHandsOutTicketsOpensNoDoor() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                DoorMain.class.getName(),
                directory.resolve("door").toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();

    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(said).contains("refused", "-Djdk.tls.server.newSessionTicketCount=0");
  }

  /** Opens a door in a JVM as it comes. */
  static final class DoorMain {
    private DoorMain() {}

    public static void main(String[] arguments) {
      try (SpiffeTransport transport = new SpiffeTransport()) {
        DevelopmentAuthority authority =
            new DevelopmentAuthority(
                new DevelopmentConfig(
                    Path.of(arguments[0]), TrustDomain.parse("td"), Set.of(), List.of()),
                transport,
                TestTime.real());
        var _ = tls(new Fixed(authority.issue(BROKER, Duration.ofHours(1)))).server(AGENT::equals);
        System.out.println("open");
      } catch (IllegalStateException e) {
        System.out.println("refused: " + e.getMessage());
      }
    }
  }
}
