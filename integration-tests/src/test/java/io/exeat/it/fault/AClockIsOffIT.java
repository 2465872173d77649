package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.FalseClock;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The wall clock of the database's server is stepped while it runs, by libfaketime; and Vault says
 * another time than it is: OpenBao asks the kernel past libfaketime, so that its answers are
 * changed on the way. Nothing is lent while a clock is off by more than 2 s, and everything ends.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AClockIsOffIT {
  /** A comparison holds for 5 s; and one within the bound is none to complain of. */
  private static final Duration NOTICED = Duration.ofSeconds(20);

  private static final Duration AHEAD = Duration.ofSeconds(30);
  private static final Duration BEHIND = Duration.ofHours(-1);
  private static final List<Duration> BOTH = List.of(AHEAD, BEHIND);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final VaultGate gate = new VaultGate(stage.vault());
  private final Watched watched = Watched.start(Watched.plan().with(gate.address()));

  @AfterAll
  void close() {
    watched.close();
    gate.close();
    outside.close();
  }

  @Test
  void nothingIsLentAtADatabaseWhoseClockIsOff() {
    try (FalseClock clock = FalseClock.make()) {
      restartPostgres(() -> stage.postgres().start(clock));
      try {
        nothingIsLent(
            "target orders-db",
            "TARGET",
            ahead -> step(clock, ahead),
            Faults.LONG ? BOTH : List.of(BEHIND));
      } finally {
        restartPostgres(() -> stage.postgres().start());
      }
    }
  }

  /** While nothing is lent. */
  private void restartPostgres(Runnable start) {
    watched.checker.impaired("Postgres is down");
    stage.postgres().stop();
    start.run();
    watched.checker.mended(Checker.HEALTHY);
  }

  private void step(FalseClock clock, Duration ahead) {
    if (ahead.isNegative()) {
      watched.checker.clockBehind(ahead.negated());
    }
    clock.set(ahead);
    if (!ahead.isNegative()) {
      long seen = watched.checker.looks();
      await().atMost(NOTICED).until(() -> watched.checker.looks() > seen + 1);
      watched.checker.clockBehind(Duration.ZERO);
    }
  }

  @Test
  void nothingIsLentWhileVaultsClockIsOff() {
    nothingIsLent("Vault", "VAULT", gate::shiftClock, Faults.LONG ? BOTH : List.of(AHEAD));
  }

  private void nothingIsLent(
      String whose, String dependency, Consumer<Duration> set, List<Duration> offs) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      await().atMost(NOTICED).until(() -> agent.client().isServing());
      Task task = agent.open(Stage.READ);
      var _ = agent.issue(task, Stage.READ);
      for (Duration off : offs) {
        Task ending = agent.open(Stage.READ);
        var _ = agent.issue(ending, Stage.READ);
        int lent = outside.roles().size();
        set.accept(off);
        Refusal refusal =
            await()
                .atMost(NOTICED)
                .until(() -> refusal(agent, task), Optional::isPresent)
                .orElseThrow();
        assertThat(refusal.fields()).containsEntry("dependency", dependency);
        assertThat(refusal.text())
            .contains("the clock of " + whose + " is ")
            .contains(off.isNegative() ? " s behind the broker's" : " s ahead of the broker's");
        assertThat(off(refusal)).isBetween(off.abs().toSeconds() - 2, off.abs().toSeconds() + 2);
        assertThat(agent.complete(ending).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
        outside.requireDead(ending.getId());
        assertThat(outside.roles().size()).isLessThanOrEqualTo(lent + 1);
        // Within the bound; and what was lent before is renewed by the right time.
        set.accept(Duration.ofSeconds(1));
        await().atMost(NOTICED).until(() -> refusal(agent, task).isEmpty());
        set.accept(Duration.ZERO);
      }
      assertThat(agent.complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      outside.requireNothingLent();
      Verdict verdict = watched.verdict("the clock of " + whose + " is off");
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().live()).isZero();
    }
  }

  /** How the next issue is refused; what is lent is given back at once. */
  private static Optional<Refusal> refusal(WatchedAgent agent, Task task) {
    try {
      agent.release(agent.issue(task, Stage.READ));
      return Optional.empty();
    } catch (StatusRuntimeException e) {
      return Optional.of(Refusal.of(e));
    }
  }

  /** The seconds that the refusal names. */
  private static long off(Refusal refusal) {
    return Math.round(
        Double.parseDouble(refusal.text().replaceAll("(?s).* is ([0-9.]+) s .*", "$1")));
  }
}
