package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.attest.mtls.MtlsAttestor;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdPattern;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class MtlsAttestorTest {
  private static final Duration GRACE = Duration.ofMillis(600);
  private static final Duration HOUR = Duration.ofHours(1);
  private static final SpiffeId AGENT = DevelopmentPlace.AGENT;

  @TempDir Path directory;
  private SpiffeTransport transport;
  private DevelopmentPlace place;
  private Connections connections;
  private Attestor attestor;
  private final BlockingQueue<String> gone = new LinkedBlockingQueue<>();

  @BeforeEach
  void begin() {
    transport = new SpiffeTransport();
    place = new DevelopmentPlace(DevelopmentPlace.Mode.BROKER_API, directory, transport);
    connections = new Connections();
    attestor =
        new Attestors(
            Optional.of(place.attestor()),
            Optional.of(
                new MtlsAttestor(
                    new AttestConfig.Mtls(
                        new IdPattern("spiffe://example.org/host/h1/agent/*"), GRACE),
                    new SpiffeTls(place.identity, TestTime.real()),
                    place.identity,
                    connections,
                    transport,
                    TestTime.real())));
  }

  @AfterEach
  void end() {
    attestor.close();
    place.close();
    transport.close();
  }

  private Peer.Tls connect(SpiffeId id, Duration life, long number) {
    Peer.Tls peer = new Peer.Tls(place.authority.issue(id, life).chain(), number);
    connections.opened(peer);
    return peer;
  }

  private static void assertUnattested(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));
  }

  @Test
  void anAgentIsWhomItsSvidNamesBesideTheUnixDoor() {
    Agent agent = attestor.attest(connect(AGENT, HOUR, 1));

    assertThat(agent).isEqualTo(new Agent(AGENT, "mtls"));
    assertUnattested(() -> attestor.svidOf(agent));
    assertUnattested(() -> attestor.attest(connect(DevelopmentPlace.OWN, HOUR, 2)));
    assertUnattested(() -> attestor.attest(connect(AGENT, Duration.ofSeconds(-5), 3)));
    SpiffeId elsewhere = SpiffeIds.parse("id", "spiffe://elsewhere/host/h1/agent/a");
    assertUnattested(() -> attestor.attest(connect(elsewhere, HOUR, 4)));
    try (AgentProcess process = place.agent()) {
      assertThat(attestor.attest(place.door().next(process)).instance()).startsWith("process ");
    }
  }

  @Test
  void anAgentIsGoneWhenItsLastConnectionHasBeenForTheGrace() throws Exception {
    Peer.Tls one = connect(AGENT, HOUR, 1);
    Peer.Tls two = connect(AGENT, HOUR, 2);
    try (Subscription _ = attestor.whenGone(attestor.attest(one), gone::add)) {
      connections.closed(one);
      assertThat(gone.poll(1, TimeUnit.SECONDS)).isNull();

      long closed = System.nanoTime();
      connections.closed(two);
      assertThat(gone.poll(3, TimeUnit.SECONDS)).contains("600 ms");
      assertThat(Duration.ofNanos(System.nanoTime() - closed)).isGreaterThanOrEqualTo(GRACE);
    }
  }

  @Test
  void anAgentThatComesBackWithinTheGraceIsStillThere() throws Exception {
    Peer.Tls one = connect(AGENT, HOUR, 1);
    try (Subscription _ = attestor.whenGone(attestor.attest(one), gone::add)) {
      for (long number = 2; number < 6; number++) {
        connections.closed(one);
        assertThat(gone.poll(300, TimeUnit.MILLISECONDS)).isNull();
        one = connect(AGENT, HOUR, number);
        assertThat(gone.poll(300, TimeUnit.MILLISECONDS)).isNull();
      }
      assertThat(gone.poll(1, TimeUnit.SECONDS)).isNull();
    }
  }

  @Test
  void anInstanceThatHasANameIsThereByItsOwnConnectionsAlone() throws Exception {
    Peer.Tls one = connections.named(connect(AGENT, HOUR, 1), Optional.of("one"));
    Peer.Tls two = connections.named(connect(AGENT, HOUR, 2), Optional.of("two"));
    Peer.Tls none = connections.named(connect(AGENT, HOUR, 3), Optional.empty());
    assertThat(attestor.attest(one)).isEqualTo(new Agent(AGENT, "mtls one"));
    assertThat(attestor.attest(none)).isEqualTo(new Agent(AGENT, "mtls"));
    try (Subscription _ = attestor.whenGone(attestor.attest(one), why -> gone.add("one"));
        Subscription _ = attestor.whenGone(attestor.attest(two), why -> gone.add("two"));
        Subscription _ = attestor.whenGone(attestor.attest(none), why -> gone.add("none"))) {
      connections.closed(one);
      connect(AGENT, HOUR, 4); // it has not said whose it is

      assertThat(gone.poll(3, TimeUnit.SECONDS)).isEqualTo("one");
      connections.closed(two);
      connections.named(connect(AGENT, HOUR, 5), Optional.of("two"));
      assertThat(gone.poll(1200, TimeUnit.MILLISECONDS)).isNull();
    }
  }

  @Test
  void aConnectionIsOfOneInstance() {
    Peer.Tls named = connect(AGENT, HOUR, 1);
    Peer.Tls unnamed = connect(AGENT, HOUR, 2);
    connections.named(named, Optional.of("one"));
    connections.named(unnamed, Optional.empty());

    assertThat(connections.named(named, Optional.of("one")).instance()).contains("one");
    assertMalformed(() -> connections.named(named, Optional.of("two")));
    assertMalformed(() -> connections.named(named, Optional.empty()));
    assertMalformed(() -> connections.named(unnamed, Optional.of("one")));
  }

  private static void assertMalformed(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Malformed.class));
  }

  @Test
  void aConnectionWhoseSvidHasExpiredIsNobodys() throws Exception {
    Peer.Tls peer = connect(AGENT, Duration.ofSeconds(2), 1);
    try (Subscription _ = attestor.whenGone(attestor.attest(peer), gone::add)) {
      assertThat(gone.poll(6, TimeUnit.SECONDS)).isNotNull();
      assertUnattested(() -> attestor.attest(peer));
    }
  }

  @Test
  void anAgentWithoutAConnectionIsGoneAfterTheGrace() throws Exception {
    Peer.Tls peer = new Peer.Tls(place.authority.issue(AGENT, HOUR).chain(), 1);
    try (Subscription _ = attestor.whenGone(attestor.attest(peer), gone::add)) {
      assertThat(gone.poll(3, TimeUnit.SECONDS)).isNotNull();
    }
  }
}
