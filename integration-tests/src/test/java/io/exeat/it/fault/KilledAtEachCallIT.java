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
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The broker is killed with -9 at its first call to Vault, at its second, and so on until the work
 * is done without: before Vault hears of the call, and after Vault has done it. What was lent dies
 * when it starts again, known or not.
 */
final class KilledAtEachCallIT {
  private static final int STRIDE = Faults.times(8, 1);
  private static final int MOST = 200;

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final List<Duration> dead = new ArrayList<>();
  private final List<String> points = new CopyOnWriteArrayList<>();

  @ParameterizedTest
  @ValueSource(strings = {"before", "after"})
  void whatItLentDiesWhenItStartsAgain(String when) {
    try (VaultGate gate = new VaultGate(stage.vault());
        Watched watched = Watched.start(Watched.plan().with(gate.address()))) {
      // Whatever its start still has to do.
      work(watched);
      boolean done = false;
      for (int n = 1; !done && n < MOST; n += STRIDE) {
        done = !killedAt(n, when, gate, watched);
      }
      assertThat(done).as("it comes to an end").isTrue();
      report("killed " + when + " each call", watched);
    }
  }

  @Test
  void whileItRecoversToo() {
    try (VaultGate gate = new VaultGate(stage.vault());
        Watched watched = Watched.start(Watched.plan().with(gate.address()))) {
      boolean done = false;
      for (int n = 1; !done && n < MOST; n += STRIDE) {
        done = !killedAtRecovery(n, gate, watched);
      }
      assertThat(done).as("it comes to an end").isTrue();
      report("killed at each call of a recovery", watched);
    }
  }

  private void report(String name, Watched watched) {
    Verdict verdict = watched.verdict(name);
    System.out.printf(
        "figure: %s: %d points, serving again to all dead %s; points: %s%n",
        name, points.size(), Faults.spread(dead), points);
    assertThat(verdict.violations()).isEmpty();
    assertThat(points).as("one at the start, one further on").hasSizeGreaterThan(1);
    assertThat(verdict.account().live()).isZero();
  }

  /** Whether the work came to the n-th call. */
  private boolean killedAt(int n, String when, VaultGate gate, Watched watched) {
    AtomicBoolean killed = new AtomicBoolean();
    Runnable kill = () -> kill(watched, killed);
    gate.meet((number, call) -> {
      if (number != n) {
        return killed.get() ? new VaultGate.Fate.Before(() -> {}) : VaultGate.Fate.PASS;
      }
      points.add(call.replaceAll("x-t.*", ""));
      return when.equals("before")
          ? new VaultGate.Fate.Before(kill)
          : new VaultGate.Fate.After(kill);
    });
    work(watched);
    if (!killed.get()) {
      gate.mend();
      return false;
    }
    again(gate, watched);
    return true;
  }

  private boolean killedAtRecovery(int n, VaultGate gate, Watched watched) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Task task = agent.open(Stage.READ, Stage.WRITE);
      var _ = agent.issue(task, Stage.READ);
      var _ = agent.issue(task, Stage.WRITE);
    }
    AtomicBoolean killed = new AtomicBoolean();
    watched.checker.impaired("the broker is down");
    watched.deployment.broker().kill();
    gate.meet((number, call) -> {
      if (number != n) {
        return killed.get() ? new VaultGate.Fate.Before(() -> {}) : VaultGate.Fate.PASS;
      }
      points.add(call);
      return new VaultGate.Fate.After(() -> kill(watched, killed));
    });
    watched.deployment.broker().begin();
    await().atMost(Duration.ofSeconds(90)).until(() -> killed.get() || isSettled(watched));
    if (!killed.get()) {
      gate.mend();
      watched.checker.mended(Checker.HEALTHY);
      return false;
    }
    again(gate, watched);
    return true;
  }

  private static boolean isSettled(Watched watched) {
    try (Client operator = watched.deployment.operator()) {
      return operator.isServing()
          && operator.admin().list(ListRequest.getDefaultInstance()).getTasksCount() == 0;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  private static void kill(Watched watched, AtomicBoolean killed) {
    watched.checker.impaired("the broker is down");
    killed.set(true);
    watched.deployment.broker().kill();
  }

  private void again(VaultGate gate, Watched watched) {
    gate.mend();
    watched.deployment.broker().restart();
    long serving = System.nanoTime();
    watched.checker.mended(Checker.HEALTHY);
    outside.awaitNothingLent(Duration.ofSeconds(30));
    dead.add(Faults.since(serving));
  }

  /** Everything once: two epochs, a credential in each, the end. */
  private static void work(Watched watched) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Task task = agent.open(Stage.READ);
      var _ = agent.issue(task, Stage.READ);
      Task changed = agent.changeScope(task, Stage.WRITE);
      agent.release(agent.issue(changed, Stage.WRITE));
      var _ = agent.issue(changed, Stage.WRITE);
      var _ = agent.complete(changed);
    } catch (StatusRuntimeException e) {
      // It was killed meanwhile.
    }
  }
}
