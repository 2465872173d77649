package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.InMemoryAttestor;
import io.exeat.attest.Peer;
import io.exeat.base.CannotStart;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class LateAttestorTest {
  private static final Peer ANYBODY = new Peer.Tls(List.of(), 1);

  @Test
  void whatIsMissingIsAskedForAgain() {
    AtomicInteger tries = new AtomicInteger();
    try (LateAttestor late =
        new LateAttestor(() -> {
          if (tries.incrementAndGet() == 1) {
            throw new IllegalStateException("no socket");
          }
          return new InMemoryAttestor();
        })) {
      await().untilAsserted(() -> assertThat(late.problem()).isEmpty());
      assertThat(tries).hasValue(2);
      late.check();
    }
  }

  @Test
  void whatCanNeverBeIsSaidAndNotTriedAgain() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    CannotStart never = new CannotStart("two of them", "Delete one.");
    try (LateAttestor late =
        new LateAttestor(() -> {
          tries.incrementAndGet();
          throw never;
        })) {
      await().untilAsserted(() -> assertThatThrownBy(late::check).isSameAs(never));
      assertThat(late.problem()).isEqualTo(Optional.of("two of them\n  Delete one."));
      assertThatThrownBy(() -> late.attest(ANYBODY))
          .isInstanceOfSatisfying(
              FaultException.class,
              e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class));
      await()
          .pollDelay(java.time.Duration.ofMillis(1200))
          .untilAsserted(() -> assertThat(tries).hasValue(1));
    }
  }
}
