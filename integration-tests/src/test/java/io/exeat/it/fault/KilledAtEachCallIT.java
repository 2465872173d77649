package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.ListRequest;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The broker is killed with -9 at its first call to Vault, at its second, and so on until the work
 * is done without: before Vault hears of the call, and after Vault has done it. What was lent dies
 * when it starts again, known or not.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class KilledAtEachCallIT {
  /** In short the three begin at different calls, so that between them they are killed at more. */
  private static final int STRIDE = Faults.times(13, 1);

  private static final int MOST = 200;
  private static final Duration SOON = Duration.ofSeconds(30);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final VaultGate gate = new VaultGate(stage.vault());
  private final Watched watched = Watched.start(Watched.plan().with(gate.address()));
  private final List<Duration> dead = new ArrayList<>();
  private final List<String> points = new CopyOnWriteArrayList<>();

  @AfterAll
  void close() {
    watched.close();
    gate.close();
    outside.close();
  }

  @ParameterizedTest
  @CsvSource({"before, 1", "after, 4"})
  void whatItLentDiesWhenItStartsAgain(String when, int first) {
    // Whatever its start still has to do.
    await().atMost(SOON).until(this::work);
    dead.clear();
    points.clear();
    each(first, STRIDE, n -> killedAt(n, when));
    report("killed " + when + " each call");
  }

  @Test
  void whileItRecoversToo() {
    dead.clear();
    points.clear();
    if (Faults.LONG) {
      each(1, 1, this::killedAtRecovery);
    } else {
      // How many calls it makes depends on how far Vault has come by itself: six at least.
      assertThat(killedAtRecovery(2, 6)).isTrue();
    }
    report("killed at each call of a recovery");
  }

  /** At one call after the other, until there is none with that number. */
  private void each(int first, int stride, IntPredicate killed) {
    int n = Faults.LONG ? 1 : first;
    while (killed.test(n)) {
      n += stride;
      assertThat(n).as("it comes to an end").isLessThan(MOST);
    }
  }

  private void report(String name) {
    Verdict verdict = watched.verdict(name);
    System.out.printf(
        "figure: %s: %d points, serving again to all dead %s; points: %s%n",
        name, points.size(), Faults.spread(dead), points);
    assertThat(verdict.violations()).isEmpty();
    assertThat(points).as("one at the start, one further on").hasSizeGreaterThan(1);
    assertThat(verdict.account().live()).isZero();
  }

  /** Whether the work came to the n-th call. */
  private boolean killedAt(int n, String when) {
    AtomicBoolean killed = new AtomicBoolean();
    Runnable kill = () -> kill(killed);
    gate.meet((number, call) -> {
      if (number != n) {
        return killed.get() ? new VaultGate.Fate.Before(() -> {}) : VaultGate.Fate.PASS;
      }
      points.add(call.replaceAll("x-t.*", ""));
      return when.equals("before")
          ? new VaultGate.Fate.Before(kill)
          : new VaultGate.Fate.After(kill);
    });
    // What was left is dead; until that is proven, a whole turn may be refused.
    await().atMost(Duration.ofSeconds(90)).until(() -> work() || killed.get());
    if (!killed.get()) {
      gate.mend();
      return false;
    }
    again();
    return true;
  }

  /**
   * Whether its recovery came to the call of that number; with more than one, and to the next in
   * the recovery after that.
   */
  private boolean killedAtRecovery(int... calls) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      // What was left is dead; that this is proven may take a moment longer.
      Task task =
          await().atMost(SOON).until(() -> opened(agent), Optional::isPresent).orElseThrow();
      var _ = agent.issue(task, Stage.READ);
      var _ = agent.issue(task, Stage.WRITE);
    }
    watched.checker.impaired("the broker is down");
    watched.deployment.broker().kill();
    for (int n : calls) {
      if (!recoversUntil(n)) {
        gate.mend();
        watched.checker.mended(Checker.HEALTHY);
        return false;
      }
    }
    again();
    return true;
  }

  /** Starts it; whether it is killed at its n-th call, or has settled what was left before. */
  private boolean recoversUntil(int n) {
    AtomicBoolean killed = new AtomicBoolean();
    gate.meet((number, call) -> {
      if (number != n) {
        return killed.get() ? new VaultGate.Fate.Before(() -> {}) : VaultGate.Fate.PASS;
      }
      points.add(call);
      return new VaultGate.Fate.After(() -> kill(killed));
    });
    watched.deployment.broker().begin();
    await().atMost(Duration.ofSeconds(90)).until(() -> killed.get() || isSettled());
    return killed.get();
  }

  private static Optional<Task> opened(WatchedAgent agent) {
    try {
      return Optional.of(agent.open(Stage.READ, Stage.WRITE));
    } catch (StatusRuntimeException e) {
      return Optional.empty();
    }
  }

  private boolean isSettled() {
    try (Client operator = watched.deployment.operator()) {
      return operator.isServing()
          && operator.admin().list(ListRequest.getDefaultInstance()).getTasksCount() == 0;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  private void kill(AtomicBoolean killed) {
    watched.checker.impaired("the broker is down");
    killed.set(true);
    watched.deployment.broker().kill();
  }

  private void again() {
    gate.mend();
    watched.deployment.broker().restart();
    long serving = System.nanoTime();
    watched.checker.mended(Checker.HEALTHY);
    outside.awaitNothingLent(SOON);
    dead.add(Faults.since(serving));
  }

  /** Everything once: two epochs, a credential in each, the end; or as much as is served. */
  private boolean work() {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Task task = agent.open(Stage.READ);
      var _ = agent.issue(task, Stage.READ);
      Task changed = agent.changeScope(task, Stage.WRITE);
      agent.release(agent.issue(changed, Stage.WRITE));
      var _ = agent.issue(changed, Stage.WRITE);
      var _ = agent.complete(changed);
      return true;
    } catch (StatusRuntimeException e) {
      return false; // it was killed meanwhile, or settles what was left
    }
  }
}
