package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Nothing fails: every task's credentials die with it, and its door shuts at once. */
final class HealthyIT {
  private static final int TASKS = Faults.times(60, 10_000);
  private static final int AT_ONCE = 4;
  private static final Duration P99 = Duration.ofSeconds(1);
  private static final Duration CUT_OFF = Duration.ofMillis(50);

  private final List<Duration> cutOffs = Collections.synchronizedList(new ArrayList<>());

  @Test
  void everyCredentialDiesWithItsTask() throws Exception {
    try (Watched watched = Watched.start(Watched.plan())) {
      try (ExecutorService agents = Executors.newFixedThreadPool(AT_ONCE)) {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < AT_ONCE; i++) {
          all.add(agents.submit(() -> work(watched, TASKS / AT_ONCE)));
        }
        for (Future<?> each : all) {
          each.get(12, TimeUnit.HOURS);
        }
      }
      Verdict verdict = watched.verdict("nothing fails");
      System.out.printf(
          "figure: nothing fails: %d tasks, %s; the door shut after the call that ends: %s%n",
          verdict.tasks(), verdict.outlived(), Faults.spread(cutOffs));

      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().live()).isZero();
      assertThat(verdict.account().revoked()).isEqualTo(verdict.account().issued());
      assertThat(verdict.account().issued()).isGreaterThanOrEqualTo(TASKS);
      if (Faults.LONG) { // figures are for a machine that has nothing else to do
        assertThat(verdict.outlived().percentile(99)).isLessThanOrEqualTo(P99);
        cutOffs.sort(null);
        assertThat(cutOffs.get((int) (cutOffs.size() * 0.99) - 1)).isLessThanOrEqualTo(CUT_OFF);
      }
    }
  }

  private boolean work(Watched watched, int tasks) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      for (int i = 0; i < tasks; i++) {
        Task task = agent.open(Stage.READ);
        Credential credential = agent.issue(task, Stage.READ);
        switch (i % 4) {
          case 0 -> withSession(agent, task, credential);
          case 1 -> cutOffs.add(whileItAsks(agent, task));
          case 2 -> {
            Task changed = agent.changeScope(task, Stage.WRITE);
            var _ = agent.issue(changed, Stage.WRITE);
            var _ = agent.cancel(changed);
          }
          default -> {
            var _ = agent.complete(task);
          }
        }
      }
      return true;
    }
  }

  private static void withSession(WatchedAgent agent, Task task, Credential credential) {
    try (Connection session = agent.session(credential)) {
      var _ = agent.complete(task);
      assertThat(session.isValid(1)).isFalse();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** How long after the call that ends the task was sent another was still answered. */
  private static Duration whileItAsks(WatchedAgent agent, Task task) {
    IssueRequest again =
        IssueRequest.newBuilder()
            .setTaskId(task.getId())
            .setGrant(Stage.READ)
            .setIdempotencyKey("again")
            .build();
    var _ = agent.client().credentials().issue(again);
    long[] last = {Long.MIN_VALUE};
    AtomicBoolean over = new AtomicBoolean();
    Thread asking =
        Thread.ofVirtual()
            .start(() -> {
              while (!over.get()) {
                long sent = System.nanoTime();
                try {
                  var _ = agent.client().credentials().issue(again);
                  last[0] = sent;
                } catch (StatusRuntimeException e) {
                  over.set(true);
                }
              }
            });
    long ends = System.nanoTime();
    var _ = agent.complete(task);
    over.set(true);
    try {
      asking.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return last[0] == Long.MIN_VALUE
        ? Duration.ZERO
        : Duration.ofNanos(Math.max(0, last[0] - ends));
  }
}
