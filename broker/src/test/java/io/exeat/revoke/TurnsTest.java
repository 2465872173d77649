package io.exeat.revoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.InMemoryBackend;
import io.exeat.credential.InMemoryTarget;
import io.exeat.credential.SessionLog;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Much of one agent's is to be ended, and then a little of another's. */
final class TurnsTest {
  private static final SpiffeId GREEDY = SpiffeId.parse("spiffe://example.org/agent/greedy");
  private static final SpiffeId CLERK = SpiffeId.parse("spiffe://example.org/agent/clerk");
  private static final Duration SOON = Duration.ofSeconds(20);

  private final Time time = new Time(Clock.systemUTC(), System::nanoTime);
  private final Held held = new Held();
  private final List<Epoch> ours = new ArrayList<>();
  private final Revoker revoker =
      new Revoker(
          new InMemoryBackend(time, new InMemoryTarget(), new Unwritten()),
          Map.of("orders", held),
          time);

  @AfterEach
  void close() {
    held.letGo.countDown();
    revoker.close();
  }

  @Test
  void whatOneAgentLeavesBehindStandsInNobodysWay() {
    for (int i = 0; i < 20; i++) {
      var _ = revoker.end(epoch(), GREEDY, id -> Optional.empty());
    }
    await().atMost(SOON).until(() -> held.shutting.size() == Held.AT_ONCE - 1);

    CompletableFuture<Obituary> clerks = revoker.end(epoch(), CLERK, id -> Optional.empty());

    await().atMost(SOON).until(() -> held.shutting.size() == Held.AT_ONCE);
    assertThat(held.shutting.getLast()).isEqualTo(ours.getLast());
    held.letGo.countDown();
    await().atMost(SOON).until(clerks::isDone);
    await().atMost(SOON).until(() -> revoker.waiting().isEmpty());
    assertThat(held.looked).containsAll(ours);
  }

  private Condemned epoch() {
    Epoch epoch = new Epoch(TaskId.random(), 1);
    ours.add(epoch);
    return new Condemned.WholeEpoch(epoch, Optional.empty(), List.of(), Set.of("orders"));
  }

  private static final class Unwritten implements SessionLog {
    @Override
    public void opened(Accessor session) {}

    @Override
    public void ended(Accessor session) {}
  }

  /** A target at which a call takes until it is let go. */
  private static final class Held extends TargetThatAnswers {
    static final int AT_ONCE = 3;

    final CountDownLatch letGo = new CountDownLatch(1);
    final List<Epoch> shutting = new CopyOnWriteArrayList<>();
    final List<Epoch> looked = new CopyOnWriteArrayList<>();

    @Override
    public void shut(Mark mark) {
      shutting.add(mark.epoch());
      try {
        letGo.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public Sighting look(Mark mark) {
      looked.add(mark.epoch());
      return new Sighting(List.of(), List.of("looked"));
    }

    @Override
    public int atOnce() {
      return AT_ONCE;
    }
  }
}
