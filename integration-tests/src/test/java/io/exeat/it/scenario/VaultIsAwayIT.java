package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.it.environment.Wire;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** OpenBao is stopped, sealed, slow, silent, or its answers are lost. */
@SuppressWarnings("NullAway.Init")
final class VaultIsAwayIT {
  private static final Duration BACK = Duration.ofSeconds(20);

  private static Wire wire;
  private static Deployment deployment;
  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final Client client = deployment.client();

  @BeforeAll
  static void start() {
    wire = Wire.to(Stage.get().vault().address().getPort());
    deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).through(wire));
  }

  @AfterAll
  static void stop() {
    if (deployment != null) {
      deployment.close();
    }
    if (wire != null) {
      wire.close();
    }
  }

  @AfterEach
  void asBefore() {
    wire.mend();
    await().atMost(BACK).until(client::isServing);
    outside.awaitNothingLent(BACK);
    outside.close();
    client.close();
  }

  @Test
  void whileItIsSealedNothingIsLentAndEndsArePending() {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    stage.vault().seal();
    try {
      Refusal refusal = Refusal.of(() -> client.open(Stage.READ));
      assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(refusal.fields()).containsEntry("dependency", "VAULT");
      assertThat(completeWithin(task, 3).getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
      assertThat(get(task).getPendingReason()).isNotEmpty();
      // The door of the target is shut all the same.
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      assertThat(Refusal.of(() -> client.issue(task, Stage.READ)).reason()).isEqualTo("TASK_ENDED");
    } finally {
      stage.vault().unseal();
    }
    await().atMost(BACK).until(() -> get(task).getState() == TaskState.TASK_STATE_ENDED);
    outside.requireDead(task.getId());
  }

  @Test
  void whileItIsStoppedNothingIsLentAndEndsArePending() {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    stage.vault().kill();
    try {
      assertThat(Refusal.of(() -> client.open(Stage.READ)).fields())
          .containsEntry("dependency", "VAULT");
      assertThat(Refusal.of(() -> client.issue(task, Stage.READ)).code())
          .isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(completeWithin(task, 2).getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      assertThat(client.isServing()).isFalse();
    } finally {
      stage.vault().restart();
    }
    await().atMost(BACK).until(() -> get(task).getState() == TaskState.TASK_STATE_ENDED);
    outside.requireDead(task.getId());
  }

  @Test
  void whileItIsSlowEverythingIsSlowAndRight() {
    wire.slow(Duration.ofMillis(100));
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    assertThat(outside.login(credential.getDatabase())).isEmpty();
    assertThat(complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    outside.requireDead(task.getId());
  }

  @Test
  void whileItIsSilentACallEndsAtItsTimeAndNothingIsLent() {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    wire.blackHole();
    long asked = System.nanoTime();
    Refusal refusal = Refusal.of(() -> client.open(Stage.READ));
    assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(Scenarios.since(asked)).isLessThan(Duration.ofSeconds(10));
    assertThat(completeWithin(task, 2).getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
    await().atMost(BACK).until(() -> outside.login(credential.getDatabase()).startsWith("28"));
    wire.mend();
    await().atMost(BACK).until(() -> get(task).getState() == TaskState.TASK_STATE_ENDED);
    outside.requireDead(task.getId());
  }

  @Test
  void anIssueWhoseAnswerIsLostLeavesNoRole() {
    // Both clocks are looked at with it, which holds for the next issue.
    assertThat(complete(client.openWith(Stage.READ)).getState())
        .isEqualTo(TaskState.TASK_STATE_ENDED);
    Task task = client.open(Stage.READ);
    wire.loseAnswers();
    Refusal refusal = Refusal.of(() -> client.issue(task, Stage.READ));
    assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
    // Vault did it: there is a role that nobody was told of.
    wire.mend();
    await().atMost(BACK).until(() -> outside.roles(task.getId()).isEmpty());
    await().atMost(BACK).until(() -> outside.leases(Stage.READ).isEmpty());
    // The task is as good as before, in another epoch.
    await().atMost(BACK).until(() -> get(task).getState() == TaskState.TASK_STATE_OPEN);
    assertThat(get(task).getEpoch()).isEqualTo(2);
    Credential credential = client.issue(task, Stage.READ);
    assertThat(outside.login(credential.getDatabase())).isEmpty();
    assertThat(complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    outside.requireDead(task.getId());
  }

  /** The JDK would ask again by itself, and a second role be made. */
  @Test
  void anIssueWhoseConnectionBreaksIsAskedOnce() throws IOException {
    Task task = client.open(Stage.READ);
    wire.breakAtAnswers();
    Refusal refusal = Refusal.of(() -> client.issue(task, Stage.READ));
    assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
    wire.mend();
    await().atMost(BACK).until(() -> outside.roles(task.getId()).isEmpty());
    try (Stream<String> audit = Files.lines(stage.vault().audit())) {
      assertThat(
              audit.filter(line ->
                  line.contains("\"type\":\"request\"")
                      && line.contains("\"path\":\"database/creds/")
                      && line.contains(task.getId())))
          .hasSize(1);
    }
  }

  @Test
  void anOpenWhoseAnswerIsLostLeavesNoTokenForLong() {
    // Those of brokers that were killed live as long as their heartbeat.
    List<String> before = outside.tokens("-e1");
    wire.loseAnswers();
    Refusal refusal = Refusal.of(() -> client.open(Stage.READ));
    assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
    wire.mend();
    await().atMost(BACK).until(client::isServing);
    assertThat(complete(client.open(Stage.READ)).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    await().atMost(BACK).untilAsserted(() -> assertThat(outside.tokens("-e1")).isSubsetOf(before));
  }

  private Task get(Task task) {
    return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private Task complete(Task task) {
    return client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  /** The answer that comes shortly before the call's own deadline. */
  private Task completeWithin(Task task, int seconds) {
    return client
        .tasks()
        .withDeadlineAfter(seconds, TimeUnit.SECONDS)
        .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }
}
