package io.exeat.it.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.attest.Agent;
import io.exeat.attest.AgentProcess;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Peer;
import io.exeat.attest.TestProcess;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.TestTime;
import io.exeat.identity.TrustBundles;
import io.exeat.it.environment.Spire;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is only to be seen with a real SPIRE: its selectors, its rotation, its PID namespace. */
@SuppressWarnings("NullAway.Init")
final class SpireScenariosIT {
  private static final Duration LIFE = Duration.ofSeconds(60);

  private static Spire spire;
  private static SpirePlace.Entries entries;

  @BeforeAll
  static void start() {
    spire = Spire.start();
    entries = SpirePlace.Entries.ofProcesses(spire, LIFE);
  }

  @AfterAll
  static void stop() {
    if (spire != null) {
      spire.close();
    }
  }

  @Test
  void theRightUserWithAnotherExecutableGetsNothing(@TempDir Path other) throws Exception {
    var _ = other.toFile().setExecutable(true, false);
    Path home = Path.of(System.getProperty("java.home"));
    Path bin = Files.createDirectory(other.resolve("bin"));
    Path java = Files.copy(AgentProcess.java(), bin.resolve("java"));
    for (String part : List.of("lib", "conf")) {
      Files.createSymbolicLink(other.resolve(part), home.resolve(part));
    }
    for (SpirePlace.Mode mode : SpirePlace.Mode.values()) {
      if (!mode.isByPid()) {
        continue; // there the agent is who has its uid
      }
      try (SpiffeTransport transport = new SpiffeTransport();
          SpirePlace place = new SpirePlace(mode, entries, transport, AttestConfig.Timing.USUAL);
          AgentProcess imposter = place.imposter(java)) {
        Peer.Local peer = place.door().next(imposter);

        assertThat(peer.uid()).isEqualTo(SpirePlace.AGENT_UID);
        assertThatThrownBy(() -> place.attestor().attest(peer))
            .isInstanceOfSatisfying(
                FaultException.class,
                e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));
      }
    }
  }

  /** What it says to the k8s attestor and the Broker API is taken, and both sockets are there. */
  @Test
  void anAgentOfAClusterOpensItsBrokerApi() throws Exception {
    assertThat(spire.agentOfACluster())
        .contains("plugin_name=k8s", "Starting SPIFFE Broker Endpoint")
        .doesNotContain("Agent crashed");
  }

  @Test
  void rotationUnderLoadFailsNoCall() throws Exception {
    AttestConfig.Timing often =
        new AttestConfig.Timing(Duration.ofSeconds(5), Duration.ofSeconds(1));
    try (SpiffeTransport transport = new SpiffeTransport();
        SpirePlace place = new SpirePlace(SpirePlace.Mode.BROKER_API, entries, transport, often);
        AgentProcess process = place.agent()) {
      Peer.Local peer = place.door().next(process);
      Agent agent = place.attestor().attest(peer);
      Server server =
          NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .sslContext(place.tls.server(SpirePlace.AGENT::equals))
              .addService(new HealthStatusManager().getHealthService())
              .build()
              .start();
      SpiffeTls asAgent = new SpiffeTls(new OfAgent(place, agent), TestTime.real());
      ManagedChannel lasting = channel(asAgent, server.getPort());
      Set<BigInteger> serials = new HashSet<>();
      Set<BigInteger> own = new HashSet<>();
      List<String> failures = new ArrayList<>();
      int calls = 0;
      long end = System.nanoTime() + Duration.ofSeconds(90).toNanos();
      while ((serials.size() < 3 || own.size() < 3) && System.nanoTime() < end) {
        calls++;
        try {
          assertThat(place.attestor().attest(peer)).isEqualTo(agent);
          var chain = place.attestor().svidOf(agent).chain();
          assertThat(place.tls.verify(chain)).isEqualTo(SpirePlace.AGENT);
          serials.add(chain.getFirst().getSerialNumber());
          own.add(place.identity.svid().leaf().getSerialNumber());
          call(lasting);
          ManagedChannel fresh = channel(asAgent, server.getPort());
          call(fresh);
          var _ = fresh.shutdownNow();
        } catch (RuntimeException | AssertionError e) {
          failures.add(e.toString());
        }
      }
      var _ = lasting.shutdownNow();
      var _ = server.shutdownNow();
      System.out.printf(
          "rotation: %d rounds of attest, verify, call and new mTLS connection; %d agent and %d own"
              + " SVIDs; %d failures%n",
          calls, serials.size(), own.size(), failures.size());
      assertThat(failures).isEmpty();
      assertThat(serials).hasSizeGreaterThanOrEqualTo(3);
      assertThat(own).hasSizeGreaterThanOrEqualTo(3);
    }
  }

  private static ManagedChannel channel(SpiffeTls tls, int port) {
    return NettyChannelBuilder.forAddress("127.0.0.1", port)
        .sslContext(tls.client(SpirePlace.OWN::equals))
        .build();
  }

  private static void call(ManagedChannel channel) {
    var _ =
        HealthGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .check(HealthCheckRequest.getDefaultInstance());
  }

  @Test
  void aBrokerInAnotherPidNamespaceRefusesToSendPids() throws Exception {
    var _ = TestProcess.asUid(0);
    for (Path socket : List.of(spire.brokerSocket(), spire.adminSocket())) {
      assertThat(probe(List.of(), socket)).isEqualTo("the same");
      assertThat(probe(List.of("unshare", "-p", "-f", "--mount-proc"), socket))
          .startsWith("refused: the SPIRE agent at")
          .contains("another PID namespace", "run this broker in the PID namespace");
      assertThat(probe(List.of("unshare", "-p", "-f"), socket)).startsWith("refused: /proc");
    }
  }

  private static String probe(List<String> prefix, Path socket) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            AgentProcess.java().toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            PidNamespaceProbe.class.getName(),
            socket.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return said.lines().filter(line -> !line.contains(" WARN ")).reduce("", (a, b) -> b);
  }

  /** What an agent that speaks SPIFFE itself would have. */
  private record OfAgent(SpirePlace place, Agent agent) implements IdentitySource {
    @Override
    public Svid svid() {
      return place.attestor().svidOf(agent);
    }

    @Override
    public List<Svid> svids(SpiffeId id, String hint) {
      return List.of(svid());
    }

    @Override
    public String jwt(String audience, Duration within) {
      throw new UnsupportedOperationException();
    }

    @Override
    public TrustBundles trust() {
      return place.identity.trust();
    }

    @Override
    public Subscription onChange(Runnable listener) {
      return place.identity.onChange(listener);
    }

    @Override
    public void close() {}
  }
}
