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
import io.grpc.StatusRuntimeException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Vault fails in every way while tasks are opened, changed and ended: watched. */
final class VaultFailsIT {
  private static final Duration BACK = Duration.ofSeconds(30);
  private static final VaultGate.Fate UNREACHABLE = new VaultGate.Fate.Before(() -> {});
  private static final VaultGate.Fate TOO_LATE = new VaultGate.Fate.Pass(Duration.ofSeconds(4));
  private static final VaultGate.Fate LOST = new VaultGate.Fate.After(() -> {});

  /** For a change of scope, which comes to nothing: so long each fault lasts. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final int TASKS = Faults.times(4, 20);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final List<String> figures = new ArrayList<>();

  @Test
  void whatIsOverDiesWhenItIsBackAndNothingIsLost() throws SQLException {
    try (VaultGate gate = new VaultGate(stage.vault());
        Watched watched = Watched.start(Watched.plan().with(gate.address()))) {
      if (Faults.LONG) {
        meet(watched, "unreachable", on -> meet(gate, on, UNREACHABLE));
        meet(watched, "answers after the time limit", on -> meet(gate, on, TOO_LATE));
        meet(watched, "its answers are lost", on -> meet(gate, on, LOST));
        meet(watched, "sealed", this::seal);
        for (int status : new int[] {503, 500, 429}) {
          meet(
              watched,
              "does nothing and answers " + status,
              on -> meet(gate, on, new VaultGate.Fate.Answer(status)));
        }
        meet(
            watched, "slow", on -> meet(gate, on, new VaultGate.Fate.Pass(Duration.ofMillis(300))));
      } else {
        meet(
            watched,
            "unreachable, too late and without its answers by turns",
            on -> meet(gate, on, UNREACHABLE, TOO_LATE, LOST));
      }

      Verdict verdict = watched.verdict("Vault fails");
      figures.forEach(System.out::println);
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().live()).isZero();
    }
  }

  private void seal(boolean on) {
    if (on) {
      stage.vault().seal();
    } else {
      stage.vault().unseal();
    }
  }

  /** The calls meet them by turns. */
  private static void meet(VaultGate gate, boolean on, VaultGate.Fate... fates) {
    if (on) {
      gate.meet((number, call) -> fates[number % fates.length]);
    } else {
      gate.mend();
    }
  }

  private void meet(Watched watched, String what, Consumer<Boolean> fault) throws SQLException {
    List<Connection> sessions = new ArrayList<>();
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      await().atMost(BACK).until(() -> agent.client().isServing());
      List<Task> tasks = new ArrayList<>();
      for (int i = 0; i < TASKS; i++) {
        Task task = agent.open(Stage.READ, Stage.WRITE, Stage.TLS);
        tasks.add(task);
        var _ = agent.issue(task, Stage.TLS);
        Credential credential = agent.issue(task, Stage.READ);
        if (i % 2 == 0) {
          sessions.add(agent.session(credential));
        }
      }
      watched.checker.impaired(what);
      fault.accept(true);
      int refused;
      try {
        List<Runnable> attempts = new ArrayList<>();
        attempts.add(() -> agent.issue(agent.open(Stage.READ), Stage.READ));
        attempts.add(() -> agent.issue(tasks.get(0), Stage.WRITE));
        attempts.add(() -> agent.issue(tasks.get(0), Stage.TLS));
        attempts.add(() -> agent.changeScopeWithin(tasks.get(1), PATIENCE, Stage.READ));
        for (Task task : tasks.subList(2, tasks.size())) {
          attempts.add(() -> agent.completeWithin(task, Duration.ofSeconds(1)));
        }
        refused = refused(attempts);
        LockSupport.parkNanos(Duration.ofMillis(500).toNanos());
      } finally {
        fault.accept(false);
      }
      long mended = System.nanoTime();
      watched.checker.mended(Checker.HEALTHY);
      List<Task> ending = tasks.subList(2, tasks.size());
      await()
          .atMost(BACK)
          .pollInterval(Duration.ofMillis(10))
          .until(() ->
              ending.stream()
                  .allMatch(it -> agent.get(it).getState() == TaskState.TASK_STATE_ENDED));
      Duration dead = Faults.since(mended);
      await().atMost(BACK).until(() -> agent.client().isServing());
      operatorEndsAll(watched);
      outside.awaitNothingLent(BACK);
      figures.add(
          "figure: Vault: %s: %d calls refused, %d tasks that ended meanwhile dead %d ms after it is back"
              .formatted(what, refused, ending.size(), dead.toMillis()));
    }
    for (Connection session : sessions) {
      session.close();
    }
  }

  private static void operatorEndsAll(Watched watched) {
    try (var operator = watched.deployment.operator()) {
      var _ = operator.admin().revoke(io.exeat.v1.RevokeRequest.newBuilder().setAll(true).build());
    }
  }

  /** How many are, of those that are made at the same time. */
  private static int refused(List<Runnable> attempts) {
    AtomicInteger refused = new AtomicInteger();
    try (ExecutorService each = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Runnable attempt : attempts) {
        each.execute(() -> {
          try {
            attempt.run();
          } catch (StatusRuntimeException e) {
            refused.incrementAndGet();
          }
        });
      }
    }
    return refused.get();
  }
}
