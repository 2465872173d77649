package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.SpiffeTransport;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every mode for the Unix socket keeps to, whoever issues. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit calls begin() first
public abstract class AttestorContract {
  /** A mode with an issuer behind it and processes before it. */
  public interface Place extends AutoCloseable {
    Attestor attestor();

    Door door();

    /** A new process that is entitled to {@link #id}. */
    AgentProcess agent();

    /** A new process that is not. */
    AgentProcess stranger();

    SpiffeId id();

    void withdraw();

    void restore();

    /** Stops the issuer and starts it again. */
    void restartIssuer();

    /** How long it may take until a change of entries is told. */
    Duration patience();

    @Override
    void close();
  }

  protected final SpiffeTransport transport = new SpiffeTransport();
  private Place place;

  protected abstract Place place();

  @BeforeEach
  final void begin() {
    place = place();
  }

  @AfterEach
  final void end() {
    place.close();
    transport.close();
  }

  private static void assertUnattested(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));
  }

  @Test
  final void aProcessWithAnEntryIsItsAgentOnEachConnection() {
    try (AgentProcess process = place.agent();
        AgentProcess twin = place.agent()) {
      Agent first = place.attestor().attest(place.door().next(process));
      Agent again = place.attestor().attest(place.door().next(process));
      Agent other = place.attestor().attest(place.door().next(twin));

      assertThat(first.id()).isEqualTo(place.id());
      assertThat(again).isEqualTo(first);
      assertThat(other.id()).isEqualTo(first.id());
      assertThat(other.instance()).isNotEqualTo(first.instance());
      assertThat(place.attestor().svidOf(first).id()).isEqualTo(place.id());
    }
  }

  @Test
  final void aProcessWithoutAnEntryGetsNothing() {
    try (AgentProcess process = place.stranger()) {
      Peer.Local peer = place.door().next(process);

      assertUnattested(() -> place.attestor().attest(peer));
      assertUnattested(() -> place.attestor().attest(peer));
    }
  }

  @Test
  final void anAgentWhoseProcessDiesIsGoneAtOnce() throws Exception {
    BlockingQueue<String> gone = new LinkedBlockingQueue<>();
    try (AgentProcess process = place.agent()) {
      Peer.Local peer = place.door().next(process);
      Agent agent = place.attestor().attest(peer);
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        long killed = System.nanoTime();
        process.kill();

        assertThat(gone.poll(2, TimeUnit.SECONDS)).contains("exited");
        System.out.printf(
            "attest: told of a death %d ms after SIGKILL%n",
            (System.nanoTime() - killed) / 1_000_000);
        assertUnattested(() -> place.attestor().attest(peer));
        assertUnattested(() -> place.attestor().svidOf(agent));
        try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
          assertThat(gone.poll(2, TimeUnit.SECONDS)).isNotNull();
        }
      }
    }
  }

  @Test
  final void anAgentThatHangsUpIsStillThere() throws Exception {
    BlockingQueue<String> gone = new LinkedBlockingQueue<>();
    try (AgentProcess process = place.agent()) {
      Agent agent = place.attestor().attest(place.door().next(process));
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        place.door().hangUp();

        assertThat(place.attestor().attest(place.door().next(process))).isEqualTo(agent);
        assertThat(gone).isEmpty();
        process.kill();
        assertThat(gone.poll(2, TimeUnit.SECONDS)).contains("exited");
      }
    }
  }

  @Test
  final void aWithdrawnIdentityEndsTheAgentAndARestoredOneIsTakenAgain() throws Exception {
    BlockingQueue<String> gone = new LinkedBlockingQueue<>();
    try (AgentProcess process = place.agent()) {
      Peer.Local peer = place.door().next(process);
      Agent agent = place.attestor().attest(peer);
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        place.withdraw();

        assertThat(gone.poll(place.patience().toSeconds(), TimeUnit.SECONDS)).contains("withdrawn");
        // The connection stands still.
        assertUnattested(() -> place.attestor().attest(peer));

        place.restore();
        await()
            .atMost(place.patience())
            .ignoreExceptionsInstanceOf(FaultException.class)
            .untilAsserted(() -> assertThat(place.attestor().attest(peer)).isEqualTo(agent));
      }
    }
  }

  @Test
  final void whenTheIssuerRestartsTheAgentStays() {
    BlockingQueue<String> gone = new LinkedBlockingQueue<>();
    try (AgentProcess process = place.agent();
        AgentProcess late = place.agent()) {
      Peer.Local peer = place.door().next(process);
      Agent agent = place.attestor().attest(peer);
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        var before = place.attestor().svidOf(agent);
        place.restartIssuer();

        long back = System.nanoTime();
        assertThat(place.attestor().attest(peer)).isEqualTo(agent);
        assertThat(place.attestor().attest(place.door().next(late)).id()).isEqualTo(place.id());
        await()
            .atMost(Duration.ofSeconds(2))
            .pollInterval(Duration.ofMillis(10))
            .untilAsserted(() -> assertThat(place.attestor().svidOf(agent)).isNotEqualTo(before));
        System.out.printf(
            "attest: the agent's new SVID %d ms after the issuer was back%n",
            (System.nanoTime() - back) / 1_000_000);
        assertThat(gone).isEmpty();
      }
    }
  }

  @Test
  final void aPeerOfAnotherKindIsRefused() {
    assertUnattested(() -> place.attestor().attest(new Peer.Tls(List.of(), 1)));
  }
}
