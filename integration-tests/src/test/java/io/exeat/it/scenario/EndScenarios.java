package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.EndCause;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.RevokeResponse;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Ends that the agent does not want, and agents that do not want to end. */
abstract class EndScenarios extends Scenarios {
  private static final Duration AT_ONCE = Duration.ofSeconds(1);

  EndScenarios(Deployment.Form form) {
    super(form);
  }

  @Test
  void whatAKilledProcessHeldIsDeadWithinASecond() throws SQLException {
    try (AgentProcess agent = agent(Stage.AGENT)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      List<String> login = agent.may("issue " + task + " " + Stage.READ);
      DatabaseLogin stolen = login(login);
      // Somebody else has copied the login: it dies all the same.
      try (Connection session = outside.session(stolen)) {
        long killed = System.nanoTime();
        agent.kill();
        Duration dead = outside.awaitDead(task, killed, SOON);
        System.out.printf(
            "figure: kill -9 of the agent to dead, %s: %d ms%n",
            deployment.form(), dead.toMillis());
        assertThat(dead).isLessThan(AT_ONCE);
        assertThat(Outside.answers(session)).isFalse();
      }
      assertThat(outside.login(stolen)).startsWith("28");
      outside.requireDead(task);
    }
    outside.awaitNothingLent(SOON);
  }

  @Test
  void theOperatorRevokesOneTask() {
    Task doomed = client.open(Stage.READ);
    Task spared = client.open(Stage.READ);
    Credential gone = client.issue(doomed, Stage.READ);
    Credential kept = client.issue(spared, Stage.READ);

    RevokeResponse answer = revoke(RevokeRequest.newBuilder().setTaskId(doomed.getId()));

    assertThat(answer.getNamed()).isEqualTo(1);
    assertThat(answer.getProvenDead()).isEqualTo(1);
    assertThat(outside.login(gone.getDatabase())).startsWith("28");
    assertThat(outside.login(kept.getDatabase())).isEmpty();
    assertThat(get(doomed).getEndCause()).isEqualTo(EndCause.END_CAUSE_OPERATOR);
    assertThat(get(spared).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
    outside.requireDead(doomed.getId());
    var _ = complete(spared);
  }

  @Test
  void theOperatorRevokesAnAgentAndSparesTheOther() {
    try (AgentProcess other = agent(Stage.OTHER)) {
      String theirs = other.may("open " + Stage.READ).getFirst();
      var _ = other.may("issue " + theirs + " " + Stage.READ);
      Task first = client.open(Stage.READ);
      Task second = client.open(Stage.WRITE);
      Credential credential = client.issue(second, Stage.WRITE);

      RevokeResponse answer = revoke(RevokeRequest.newBuilder().setAgent(Stage.AGENT.toString()));

      // What ended before, in other scenarios, is counted apart.
      assertThat(answer.getNamed()).isEqualTo(2);
      assertThat(answer.getProvenDead()).isEqualTo(2);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(first.getId());
      outside.requireDead(second.getId());
      assertThat(outside.roles(theirs)).hasSize(1);
      assertThat(other.does("complete " + theirs)).isEqualTo("ok TASK_STATE_ENDED");
    }
  }

  @Test
  void theOperatorRevokesOneLeaseByTheNameThatVaultGaveIt() {
    Task task = client.open(Stage.READ);
    Credential first = client.issue(task, Stage.READ);
    String lease = "database/creds/" + Stage.READ + "/" + outside.leases(Stage.READ).getFirst();
    Credential second = client.issue(task, Stage.READ);

    RevokeResponse byLease = revoke(RevokeRequest.newBuilder().setLease(lease));
    assertThat(byLease.getProvenDead()).isEqualTo(1);
    assertThat(outside.login(first.getDatabase())).startsWith("28");
    assertThat(outside.login(second.getDatabase())).isEmpty();

    RevokeResponse byCredential = revoke(RevokeRequest.newBuilder().setLease(second.getId()));
    assertThat(byCredential.getProvenDead()).isEqualTo(1);
    assertThat(outside.login(second.getDatabase())).startsWith("28");
    assertThat(outside.leases(Stage.READ)).isEmpty();
    var _ = complete(task);
  }

  @Test
  void theOperatorRevokesEverything() {
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      Task task = client.open(Stage.READ);
      var _ = client.issue(task, Stage.READ);
      tasks.add(task);
    }
    RevokeResponse answer = revoke(RevokeRequest.newBuilder().setAll(true));
    assertThat(answer.getNamed()).isEqualTo(5);
    assertThat(answer.getProvenDead()).isEqualTo(5);
    RevokeResponse again = revoke(RevokeRequest.newBuilder().setAll(true));
    assertThat(again.getNamed()).isZero();
    assertThat(again.getAlreadyEnded()).isGreaterThanOrEqualTo(5);
    outside.requireNothingLent();
    tasks.forEach(task -> outside.requireDead(task.getId()));
    // The next one is not held back by it.
    var _ = complete(client.open(Stage.READ));
  }

  @Test
  void nobodyIsLeftInWhoDidNotWantToLeave() throws Exception {
    Task task = client.open(Stage.READ);
    DatabaseLogin login = client.issue(task, Stage.READ).getDatabase();
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger entered = new AtomicInteger();
    List<Thread> storm = new ArrayList<>();
    try (Connection stubborn = outside.session(login);
        Statement statement = stubborn.createStatement()) {
      assertThat(state(statement, "CREATE TEMP TABLE mine (a int)")).isEqualTo("42501");
      assertThat(state(statement, "SET ROLE vaultadmin")).isEqualTo("42501");
      assertThat(state(statement, "SET ROLE \"" + login.getUsername() + "\"")).isEmpty();
      assertThat(state(statement, "BEGIN")).isEmpty();
      assertThat(state(statement, "DECLARE c CURSOR FOR SELECT * FROM orders")).isEmpty();
      for (int i = 0; i < 4; i++) {
        storm.add(
            Thread.ofVirtual()
                .start(() -> {
                  while (!over.get()) {
                    if (outside(login)) {
                      entered.incrementAndGet();
                    }
                  }
                }));
      }
      await().atMost(SOON).until(() -> entered.get() > 20);
      assertThat(complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      int until = entered.get();
      assertThat(outside.sessions()).isEmpty();
      assertThat(Outside.answers(stubborn)).isFalse();
      outside.requireDead(task.getId());
      assertThat(entered.get()).as("logins after the end").isEqualTo(until);
    } finally {
      over.set(true);
      for (Thread thread : storm) {
        thread.join();
      }
    }
    outside.requireNothingLent();
  }

  @Test
  void rotatedSvidsFailNoCall() {
    int rounds = 12;
    for (int i = 0; i < rounds; i++) {
      stage.authority().rotate();
      Task task = client.open(Stage.READ);
      var _ = client.issue(task, Stage.READ);
      stage.authority().rotate();
      assertThat(get(task).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
      assertThat(complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    }
    outside.requireNothingLent();
  }

  @Test
  void anAgentWhoseEntryIsRemovedLosesItsTasks() {
    try (AgentProcess agent = AgentProcess.start(deployment.socket(), java.util.Optional.empty())) {
      var entry = io.exeat.identity.development.Entry.ofPid(Stage.OTHER, agent.pid());
      stage.authority().add(entry);
      String task = agent.may("open " + Stage.READ).getFirst();
      List<String> login = agent.may("issue " + task + " " + Stage.READ);
      stage.authority().remove(entry);
      Duration dead = outside.awaitDead(task, System.nanoTime(), SOON);
      System.out.printf(
          "figure: entry removed to dead, %s: %d ms%n", deployment.form(), dead.toMillis());
      assertThat(outside.login(login(login))).startsWith("28");
      assertThat(agent.does("open " + Stage.READ)).startsWith("refused UNAUTHENTICATED UNATTESTED");
    }
    outside.awaitNothingLent(SOON);
  }

  private boolean outside(DatabaseLogin login) {
    try (Connection session = outside.session(login)) {
      return Outside.answers(session);
    } catch (SQLException e) {
      return false;
    }
  }

  private static String state(Statement statement, String sql) {
    try {
      statement.execute(sql);
      return "";
    } catch (SQLException e) {
      return String.valueOf(e.getSQLState());
    }
  }

  private RevokeResponse revoke(RevokeRequest.Builder request) {
    return operator.admin().revoke(request.setReason("the scenario").build());
  }

  private DatabaseLogin login(List<String> words) {
    return DatabaseLogin.newBuilder()
        .setDatabase("orders")
        .setUsername(words.get(0))
        .setPassword(words.get(1))
        .build();
  }

  @Test
  void anAgentIsNoOperator() {
    Refusal refusal =
        Refusal.of(() -> client.admin().revoke(RevokeRequest.newBuilder().setAll(true).build()));
    assertThat(refusal.code())
        .isIn(io.grpc.Status.Code.UNIMPLEMENTED, io.grpc.Status.Code.PERMISSION_DENIED);
  }
}
