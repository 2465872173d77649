package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Postgres is stopped while something ends there. */
final class TheDatabaseIsAwayIT {
  private static final Duration BACK = Duration.ofSeconds(30);

  @Test
  void whatCannotBeProvenIsPendingUntilTheDatabaseIsBack() {
    Stage stage = Stage.get();
    try (Outside outside = new Outside(stage);
        Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client();
        Client operator = deployment.operator()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      stage.postgres().stop();
      long back;
      try {
        Task ending =
            client
                .tasks()
                .withDeadlineAfter(5, TimeUnit.SECONDS)
                .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
        assertThat(ending.getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
        assertThat(operator.admin().status(StatusRequest.getDefaultInstance()).getPendingList())
            .extracting(it -> it.getTaskId())
            .contains(task.getId());
        // Opening needs no database; lending does.
        Task other = client.open(Stage.READ);
        Refusal refusal = Refusal.of(() -> client.issue(other, Stage.READ));
        assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(refusal.fields()).containsEntry("dependency", "TARGET");
      } finally {
        stage.postgres().start();
        back = System.nanoTime();
      }
      Duration dead = outside.awaitDead(task.getId(), back, BACK);
      System.out.printf("figure: database back to dead: %d ms%n", dead.toMillis());
      await()
          .atMost(BACK)
          .until(() ->
              client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build()).getState()
                  == TaskState.TASK_STATE_ENDED);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
      assertThat(deployment.broker().terminate()).isZero();
      outside.awaitNothingLent(BACK);
    }
  }
}
