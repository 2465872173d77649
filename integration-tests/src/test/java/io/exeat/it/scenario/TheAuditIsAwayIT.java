package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.SmallDisk;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The disk of the audit chain is full. */
final class TheAuditIsAwayIT {
  @Test
  void whatCannotBeRecordedIsNotLentAndEndsAllTheSame() {
    Stage stage = Stage.get();
    try (SmallDisk disk = SmallDisk.mount(stage.newFolder("disk"), "48m");
        Outside outside = new Outside(stage);
        Deployment deployment =
            Deployment.start(
                Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withAudit(disk.folder("audit")));
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      disk.fill();
      Refusal refusal = refusal(client, task);
      assertThat(refusal.fields()).containsEntry("dependency", "AUDIT");
      int roles = outside.roles().size();
      assertThat(Refusal.of(() -> client.issue(task, Stage.READ)).fields())
          .containsEntry("dependency", "AUDIT");
      // What Vault had lent before the record failed is nobody's and dies with its epoch.
      assertThat(outside.roles().size()).isLessThanOrEqualTo(roles + 1);

      Task ended =
          client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());

      assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
      outside.awaitNothingLent(Duration.ofSeconds(10));

      disk.free();
      await().atMost(Duration.ofSeconds(20)).ignoreExceptions().until(() -> issues(client));
      assertThat(deployment.broker().terminate()).isZero();
      outside.requireNothingLent();
    }
  }

  @Test
  void whereItMayNotWriteItDoesNotStartAndSaysWhatItNeeds() {
    Stage stage = Stage.get();
    try (SmallDisk disk = SmallDisk.mount(stage.newFolder("disk"), "48m")) {
      disk.forbidWriting();
      Deployment.Plan plan =
          Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withAudit(disk.folder("audit"));
      assertThatThrownBy(() -> Deployment.start(plan))
          .hasMessageContaining("cannot start: the audit chain in " + disk.folder("audit"))
          .hasMessageContaining("a folder that it may write");
    }
  }

  /** A file that is written ahead takes some records until it is full too. */
  private static Refusal refusal(Client client, Task task) {
    for (int i = 0; i < 20_000; i++) {
      try {
        var _ =
            client
                .tasks()
                .open(
                    Client.asking()
                        .setNote("n".repeat(4000))
                        .setLifetime(Client.seconds(Duration.ofSeconds(1)))
                        .build());
      } catch (io.grpc.StatusRuntimeException e) {
        return Refusal.of(e);
      }
    }
    throw new AssertionError("the disk is full and " + task.getId() + " is not alone");
  }

  private static boolean issues(Client client) {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
    return credential.hasDatabase();
  }
}
