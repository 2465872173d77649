package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.ListRequest;
import io.exeat.v1.Task;
import java.lang.management.ManagementFactory;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The broker dies with tasks open, and comes back or not. */
final class ACrashLosesNoLeaseIT {
  private static final Duration HEARTBEAT = Duration.ofSeconds(8);

  /** How late Vault is at most with what has expired, and a machine with other work. */
  private static final Duration LATE = Duration.ofSeconds(10);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    outside.awaitNothingLent(Duration.ofSeconds(30));
    outside.close();
  }

  @Test
  void aRestartSettlesWhatAKillLeft() throws SQLException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE))) {
      List<Task> tasks = new ArrayList<>();
      List<Credential> lent = new ArrayList<>();
      try (Client client = deployment.client()) {
        for (int i = 0; i < 4; i++) {
          Task task = client.open(Stage.READ, Stage.WRITE);
          tasks.add(task);
          lent.add(client.issue(task, Stage.READ));
          lent.add(client.issue(task, Stage.WRITE));
        }
      }
      try (Connection session = outside.session(lent.getFirst().getDatabase())) {
        deployment.broker().kill();
        assertThat(outside.roles()).hasSize(8);
        assertThat(Outside.answers(session)).isTrue();
        long restarted = System.nanoTime();
        deployment.broker().begin();
        CompletableFuture<Duration> dead = CompletableFuture.supplyAsync(() -> seenDead(restarted));
        deployment.broker().awaitAnswer();
        Duration answers = Scenarios.since(restarted);
        deployment.awaitServing();
        Duration serves = Scenarios.since(restarted);
        Duration settled = dead.join();
        System.out.printf(
            "figure: restart after kill -9, from the process's start: answers %d ms, serves %d ms,"
                + " 8 credentials dead %d ms, which is %d ms after serving (load %.1f)%n",
            answers.toMillis(),
            serves.toMillis(),
            settled.toMillis(),
            settled.minus(serves).toMillis(),
            ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
        assertThat(settled.minus(serves)).isLessThan(Duration.ofSeconds(5));
        assertThat(Outside.answers(session)).isFalse();
        outside.awaitNothingLent(Duration.ofSeconds(20));
      }
      lent.forEach(it -> assertThat(outside.login(it.getDatabase())).startsWith("28"));
      tasks.forEach(task -> outside.requireDead(task.getId()));
      try (Client client = deployment.client();
          Client operator = deployment.operator()) {
        Refusal refusal = Refusal.of(() -> client.issue(tasks.getFirst(), Stage.READ));
        assertThat(refusal.reason()).isIn("NO_SUCH_TASK", "TASK_ENDED");
        await()
            .atMost(LATE)
            .until(
                () -> operator.admin().list(ListRequest.getDefaultInstance()).getTasksCount() == 0);
        var _ = client.open(Stage.READ);
      }
    }
  }

  /** Since when there are neither roles nor sessions. */
  private Duration seenDead(long since) {
    try (Outside beside = new Outside(stage)) {
      await()
          .pollInSameThread()
          .pollDelay(Duration.ZERO)
          .pollInterval(Duration.ofMillis(10))
          .atMost(Duration.ofSeconds(20))
          .until(() -> beside.roles().isEmpty() && beside.sessions().isEmpty());
      return Scenarios.since(since);
    }
  }

  @Test
  void aBrokerThatNeverComesBackIsDeadByItsHeartbeat() throws SQLException {
    Stage.Place silent = stage.development("exeat-silent", HEARTBEAT);
    try (Deployment deployment =
            Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, silent));
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      // It lives on while the broker does.
      await()
          .pollDelay(HEARTBEAT.plusSeconds(1))
          .atMost(HEARTBEAT.plusSeconds(5))
          .until(() -> outside.login(credential.getDatabase()).isEmpty());
      long killed = System.nanoTime();
      deployment.broker().kill();
      Duration dead = outside.awaitDead(task.getId(), killed, HEARTBEAT.plus(LATE));
      System.out.printf(
          "figure: kill -9 of the broker to dead by Vault alone, heartbeat %d s: %d ms%n",
          HEARTBEAT.toSeconds(), dead.toMillis());
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
    }
  }

  @Test
  void aBrokerThatIsToldToStopEndsEverythingFirst() {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);

      assertThat(deployment.broker().terminate()).isZero();

      outside.requireDead(task.getId());
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      assertThat(deployment.socket()).doesNotExist();
    }
  }
}
