package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.netty.channel.EventLoop;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What processes cost that call once and then live on. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class LocalAttestorTest {
  @TempDir Path directory;
  private final TestTime clock = new TestTime();
  private SpiffeTransport transport;
  private DevelopmentPlace place;
  private LocalAttestor attestor;

  @BeforeEach
  void begin() {
    transport = new SpiffeTransport();
    place =
        new DevelopmentPlace(
            DevelopmentPlace.Mode.WORKLOAD_API,
            directory,
            transport,
            DevelopmentPlace.TIMING,
            clock.time());
    attestor = (LocalAttestor) place.attestor();
  }

  @AfterEach
  void end() {
    place.close();
    transport.close();
  }

  /** A process that sleeps; how often it is held, beside by its connection. */
  private record Sleeper(String key, AtomicInteger held, BooleanSupplier isHeld)
      implements ProcessHold {
    Sleeper(int number) {
      this(number, () -> true);
    }

    /** By a connection that closes: from then on this hold of it says nothing of the process. */
    Sleeper(int number, BooleanSupplier isHeld) {
      this("sleeper " + number, new AtomicInteger(), isHeld);
    }

    Peer.Local peer() {
      return new Peer.Local(1, TestProcess.uid(), 0, 1, this);
    }

    @Override
    public boolean alive() {
      return isHeld.getAsBoolean();
    }

    @Override
    public Subscription onDeath(Runnable then) {
      held.incrementAndGet();
      return held::decrementAndGet;
    }
  }

  private void longTimePasses() {
    clock.pass(Vouched.IDLE);
    attestor.sweep();
  }

  @Test
  void aProcessThatNothingDependsOnIsLetGoWhenItHasNotAskedInAWhile() {
    Sleeper sleeper = new Sleeper(1);
    Sleeper worker = new Sleeper(2);
    Agent sleeping = attestor.attest(sleeper.peer());
    Agent working = attestor.attest(worker.peer());
    try (Subscription _ = attestor.whenGone(working, why -> {})) {
      longTimePasses();

      assertThat(sleeper.held()).hasValue(0);
      assertThat(worker.held()).hasValue(1);
      assertThat(attestor.svidOf(working).id()).isEqualTo(place.id());
      assertThat(attestor.attest(sleeper.peer())).isEqualTo(sleeping);
    }
    attestor.sweep();
    assertThat(worker.held()).hasValue(1);

    longTimePasses();

    assertThat(worker.held()).hasValue(0);
  }

  /** What was known a moment before has been withdrawn: a loop does not wait for the issuer. */
  @Test
  void anEventLoopIsToldThatItWouldWait() throws Exception {
    Peer.Local peer = new Sleeper(1).peer();
    Agent agent = attestor.attest(peer);
    EventLoop loop = transport.loop().next();
    assertThat(loop.submit(() -> attestor.attest(peer)).get()).isEqualTo(agent);
    longTimePasses();

    assertThatThrownBy(() -> loop.submit(() -> attestor.attest(peer)).get())
        .hasCauseInstanceOf(WouldWait.class);

    assertThat(attestor.attest(peer)).isEqualTo(agent);
    assertThat(loop.submit(() -> attestor.attest(peer)).get()).isEqualTo(agent);
  }

  @Test
  void aConnectionThatClosesMeanwhileEndsNothingOfItsProcess() {
    Agent agent = attestor.attest(new Sleeper(1).peer());
    AtomicReference<String> told = new AtomicReference<>("nothing");
    try (Subscription _ = attestor.whenGone(agent, told::set)) {
      assertThat(attestor.attest(new Sleeper(1, () -> false).peer())).isEqualTo(agent);

      assertThat(attestor.svidOf(agent).id()).isEqualTo(place.id());
      assertThat(told).hasValue("nothing");
    }
  }

  @Test
  void aConnectionThatClosesBeforeItsProcessIsHeldStandsInNobodysWay() {
    AtomicInteger looks = new AtomicInteger();
    Peer.Local hasty = new Sleeper(1, () -> looks.getAndIncrement() == 0).peer();

    assertThatThrownBy(() -> attestor.attest(hasty))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));

    assertThat(attestor.attest(new Sleeper(1).peer()).id()).isEqualTo(place.id());
    IntStream.range(2, LocalAttestor.PER_UID + 1)
        .forEach(i -> assertThat(attestor.attest(new Sleeper(i).peer())).isNotNull());
  }

  @Test
  void oneUserCanHaveALimitedNumberOfAttestedProcesses() {
    IntStream.range(0, LocalAttestor.PER_UID)
        .forEach(i -> assertThat(attestor.attest(new Sleeper(i).peer())).isNotNull());
    Peer.Local more = new Sleeper(LocalAttestor.PER_UID).peer();

    assertThatThrownBy(() -> attestor.attest(more))
        .isInstanceOfSatisfying(
            FaultException.class,
            e ->
                assertThat(e.fault())
                    .isEqualTo(
                        new Fault.Exhausted(
                            "attested processes of one user", LocalAttestor.PER_UID)));

    longTimePasses();
    await()
        .ignoreExceptionsInstanceOf(FaultException.class)
        .untilAsserted(() -> assertThat(attestor.attest(more).id()).isEqualTo(place.id()));
  }

  @Test
  void anAnswerThatIsSoonDueIsNotPromisedFromMemory() {
    Peer.Local peer = new Sleeper(1).peer();
    assertThat(attestor.knows(peer)).isFalse();
    var _ = attestor.attest(peer);
    assertThat(attestor.knows(peer)).isTrue();

    clock.pass(DevelopmentPlace.TIMING.recheck().minusMillis(900));

    assertThat(attestor.knows(peer)).isFalse();
  }

  @Test
  void whoWasAttestedIsKnownWithoutAskingUntilItIsGone() {
    AtomicBoolean alive = new AtomicBoolean(true);
    Peer.Local peer = new Sleeper(1, alive::get).peer();
    assertThat(attestor.lastKnown(peer)).isEmpty();
    Agent agent = attestor.attest(peer);

    place.stopIssuer(); // and the last answer does not count any more
    clock.pass(DevelopmentPlace.TIMING.recheck().plusSeconds(1));

    assertThat(attestor.knows(peer)).isFalse();
    assertThat(attestor.lastKnown(peer)).contains(agent);
    assertThat(attestor.lastKnown(new Sleeper(2).peer())).isEmpty();
    alive.set(false);
    assertThat(attestor.lastKnown(peer)).isEmpty();
  }

  @Test
  void nobodyWaitsForAnAnswerThatIsAskedForAheadOfTime() throws InterruptedException {
    Peer.Local peer = new Sleeper(1).peer();
    var _ = attestor.attest(peer);
    clock.pass(DevelopmentPlace.TIMING.recheck().minusSeconds(4));

    var _ = attestor.attest(peer);

    for (int i = 0; i < 100; i++) { // to when the first answer does not count any more
      clock.pass(Duration.ofMillis(50));
      Thread.sleep(10);
    }
    assertThat(attestor.knows(peer)).isTrue();
  }
}
