package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Postgres is down while tasks end: longer than Vault's own queue goes on trying, in the end. */
final class DatabaseFailsIT {
  private static final int TASKS = 4;
  private static final Duration BACK = Duration.ofMinutes(3);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  /** Seconds. */
  static List<Integer> away() {
    return Faults.LONG ? List.of(1, 30, 900) : List.of(1);
  }

  @ParameterizedTest
  @MethodSource("away")
  void whatIsOverDiesWhenItIsBack(int seconds) {
    Leftovers.endLoginsOfVerifiers(stage); // of brokers before this one
    try (Watched watched = Watched.start(Watched.plan());
        WatchedAgent agent = new WatchedAgent(watched)) {
      List<Task> tasks = new ArrayList<>();
      List<Credential> lent = new ArrayList<>();
      for (int i = 0; i < TASKS; i++) {
        Task task = agent.open(Stage.READ);
        tasks.add(task);
        lent.add(agent.issue(task, Stage.READ));
      }
      watched.checker.impaired("Postgres is down");
      stage.postgres().stop();
      try {
        for (Task task : tasks) {
          Task now = agent.completeWithin(task, Duration.ofSeconds(6));
          assertThat(now.getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
        }
        LockSupport.parkNanos(Duration.ofSeconds(seconds).toNanos());
      } finally {
        stage.postgres().start();
      }
      long back = System.nanoTime();
      watched.checker.mended(Checker.HEALTHY);
      await()
          .atMost(BACK)
          .pollInterval(Duration.ofMillis(10))
          .until(() -> outside.roles().isEmpty() && outside.sessions().isEmpty());
      Duration dead = Faults.since(back);
      await()
          .atMost(BACK)
          .until(() ->
              tasks.stream()
                  .allMatch(it -> agent.get(it).getState() == TaskState.TASK_STATE_ENDED));
      lent.forEach(it -> assertThat(outside.login(it.getDatabase())).startsWith("28"));
      Verdict verdict = watched.verdict("Postgres was down for " + seconds + " s");
      System.out.printf(
          "figure: Postgres down for %d s: %d tasks dead %d ms after it is back%n",
          seconds, TASKS, dead.toMillis());
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().revoked()).isEqualTo(TASKS);
    } finally {
      Leftovers.end(stage); // so that a run which fails does not fail the next one
    }
  }
}
