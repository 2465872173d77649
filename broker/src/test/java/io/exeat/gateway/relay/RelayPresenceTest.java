package io.exeat.gateway.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.Agent;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Peer;
import io.exeat.attest.mtls.MtlsAttestor;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.gateway.grpc.UnixFixture;
import io.exeat.identity.IdPattern;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.TestTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two sidecars of one SPIFFE ID, as the broker's attestation sees their processes. */
final class RelayPresenceTest {

  private static final Duration GRACE = Duration.ofMillis(500);

  private final TlsFixture broker = new TlsFixture();
  private final SpiffeTransport transport = new SpiffeTransport();
  private final MtlsAttestor attestor =
      new MtlsAttestor(
          new AttestConfig.Mtls(new IdPattern("spiffe://example.org/agent/*"), GRACE),
          broker.tls,
          broker.identity,
          broker.connections,
          transport,
          TestTime.real());
  private final List<String> gone = new CopyOnWriteArrayList<>();
  private final Instances processes = new Instances(broker.authority.issue(TlsFixture.AGENT));
  private final List<Sidecar> sidecars = new ArrayList<>();

  /** Its process is called as that of the other one: they are on two hosts. */
  private final class Sidecar {
    final UnixFixture parts = new UnixFixture();
    final Relay relay;

    Sidecar(TlsDoor door) {
      relay =
          new Relay(
              new RelayConfig("127.0.0.1", door.port(), TlsFixture.BROKER),
              processes,
              broker.tls,
              parts.loops,
              parts.calls);
      sidecars.add(this);
    }

    Peer.Tls opens(String key) throws Exception {
      parts.agents(relay.served(), Limits.DEFAULT);
      UnixFixture.opened(parts.channel(), key);
      return (Peer.Tls) broker.flow.peers.getLast();
    }

    /** Without a word to the broker. */
    void dies() {
      var stopped = parts.loops.shutdownGracefully(0, 2, TimeUnit.SECONDS);
      assertThat(stopped.awaitUninterruptibly(10, TimeUnit.SECONDS)).isTrue();
    }

    void close() {
      relay.close();
      parts.close();
    }
  }

  @AfterEach
  void close() {
    sidecars.forEach(Sidecar::close);
    attestor.close();
    broker.close();
    transport.close();
  }

  @Test
  void whatASidecarOpenedEndsWithItsConnectionsAndNotWithThoseOfItsTwin() throws Exception {
    TlsDoor door = broker.open();
    Sidecar one = new Sidecar(door);
    Sidecar two = new Sidecar(door);
    Agent first = attestor.attest(one.opens("k"));
    Agent second = attestor.attest(two.opens("k"));
    assertThat(first.id()).isEqualTo(second.id());
    assertThat(first).isNotEqualTo(second);
    var _ = attestor.whenGone(first, why -> gone.add("one"));
    var _ = attestor.whenGone(second, why -> gone.add("two"));

    one.dies();

    await().atMost(Duration.ofSeconds(30)).until(() -> !gone.isEmpty());
    assertThat(gone).containsExactly("one");
    assertThat(broker.flow.calls).noneMatch(call -> call.startsWith("end"));
  }

  @Test
  void aNewConnectionAndANewSvidAreOfTheSameInstanceThoughItMakesNoCall() throws Exception {
    TlsDoor door = broker.open();
    Peer.Tls peer = new Sidecar(door).opens("k");
    int calls = broker.flow.calls.size();

    int port = door.port();
    door.close();
    await().until(() -> broker.connections.open().isEmpty());
    broker.open(Limits.DEFAULT, Duration.ofMinutes(10), port);
    awaitConnection(peer, it -> true);
    Svid next = broker.authority.issue(TlsFixture.AGENT);
    processes.svid = next;
    awaitConnection(peer, it -> it.chain().getFirst().equals(next.leaf()));

    assertThat(broker.flow.calls).hasSize(calls);
  }

  private void awaitConnection(Peer.Tls of, Predicate<Peer.Tls> such) {
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() ->
            broker.connections.open().stream()
                .filter(such)
                .anyMatch(it -> it.instance().equals(of.instance())));
  }
}
