package io.exeat.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Whose turn it is where several callers want in. */
final class FairLaneTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private final List<String> entered = new CopyOnWriteArrayList<>();
  private final LinkedBlockingQueue<CompletableFuture<Void>> inside = new LinkedBlockingQueue<>();

  @Test
  void whoComesLateIsNextAfterOneOfEachOther() throws Exception {
    FairLane lane = new FairLane(1, 1, LONG, Fault.Dependency.VAULT);
    for (int i = 0; i < 6; i++) {
      come(lane, "greedy");
    }
    come(lane, "clerk");
    come(lane, "clerk");
    come(lane, "other");
    leaveOneByOne(9);
    assertThat(entered)
        .containsExactly(
            "greedy", "greedy", "clerk", "other", "greedy", "clerk", "greedy", "greedy", "greedy");
  }

  @Test
  void oneHasItsShareOfTheWidthAndTogetherTheyHaveAllOfIt() throws Exception {
    FairLane lane = new FairLane(5, 3, LONG, Fault.Dependency.VAULT);
    for (int i = 0; i < 10; i++) {
      come(lane, "greedy");
    }
    assertThat(entered).hasSize(3);
    for (int i = 0; i < 4; i++) {
      come(lane, "clerk");
    }
    assertThat(entered).containsExactly("greedy", "greedy", "greedy", "clerk", "clerk");
    leaveOneByOne(14);
    assertThat(entered).hasSize(14);
  }

  @Test
  void whoseTurnDoesNotComeIsToldSoAndStandsInNobodysWay() throws Exception {
    FairLane lane = new FairLane(1, 1, Duration.ofMillis(50), Fault.Dependency.VAULT);
    come(lane, "greedy");
    assertThatThrownBy(() -> lane.in("clerk", () -> entered.add("clerk")))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class));
    assertThat(entered).containsExactly("greedy");
    leaveOneByOne(1);
    assertThat(lane.in("clerk", () -> "in")).isEqualTo("in");
  }

  @Test
  void whatFailsInsideGivesItsPlaceBack() {
    FairLane lane = new FairLane(1, 1, LONG, Fault.Dependency.VAULT);
    assertThatThrownBy(() ->
            lane.in(
                "clerk",
                () -> {
                  throw new IllegalStateException("as it may");
                }))
        .hasMessage("as it may");
    assertThat(lane.in("clerk", () -> "in")).isEqualTo("in");
  }

  @Test
  void neverMoreThanItsWidthHoweverManyCome() {
    FairLane lane = new FairLane(4, 2, LONG, Fault.Dependency.VAULT);
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      String caller = "agent-" + i % 7;
      all.add(
          CompletableFuture.supplyAsync(
              () ->
                  lane.in(
                      caller,
                      () -> {
                        most.accumulateAndGet(now.incrementAndGet(), Math::max);
                        LockSupport.parkNanos(50_000);
                        return now.decrementAndGet();
                      }),
              Thread.ofVirtual()::start));
    }
    all.forEach(CompletableFuture::join);
    assertThat(most.get()).isBetween(1, 4);
    assertThat(now.get()).isZero();
  }

  /** Comes, and is inside or waits when this returns. */
  private void come(FairLane lane, String caller) {
    Thread coming =
        Thread.ofPlatform()
            .daemon()
            .start(() ->
                lane.in(
                    caller,
                    () -> {
                      CompletableFuture<Void> until = new CompletableFuture<>();
                      entered.add(caller);
                      inside.add(until);
                      return until.join();
                    }));
    await()
        .until(() ->
            coming.getState() == Thread.State.WAITING
                || coming.getState() == Thread.State.TIMED_WAITING);
  }

  private void leaveOneByOne(int times) throws InterruptedException {
    for (int i = 0; i < times; i++) {
      CompletableFuture<Void> next = inside.poll(1, TimeUnit.MINUTES);
      assertThat(next).isNotNull();
      next.complete(null);
    }
  }
}
