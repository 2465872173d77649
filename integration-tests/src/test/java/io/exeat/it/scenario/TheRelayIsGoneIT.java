package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.EndCause;
import io.exeat.v1.GetRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The sidecar, through which the broker sees the agent, is gone or comes back in time. */
final class TheRelayIsGoneIT {
  private static final Duration GRACE = Duration.ofSeconds(3);

  @Test
  void aRelayThatIsGoneLongerThanItsGraceEndsTheAgentsTasks() {
    Stage stage = Stage.get();
    try (Outside outside = new Outside(stage);
        Deployment deployment =
            Deployment.start(Deployment.Plan.of(Deployment.Form.RELAYED).withGrace(GRACE));
        Client client = deployment.client();
        Client operator = deployment.operator()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      long gone = System.nanoTime();
      deployment.front().kill();

      Duration dead = outside.awaitDead(task.getId(), gone, Duration.ofSeconds(15));

      System.out.printf(
          "figure: kill -9 of the relay to dead, grace %d s: %d ms%n",
          GRACE.toSeconds(), dead.toMillis());
      assertThat(dead).isBetween(GRACE, GRACE.plusSeconds(3));
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
      assertThat(
              operator
                  .admin()
                  .list(ListRequest.newBuilder().setIncludeEnded(true).build())
                  .getTasksList())
          .filteredOn(it -> it.getId().equals(task.getId()))
          .allMatch(it -> it.getEndCause() == EndCause.END_CAUSE_AGENT_GONE)
          .hasSize(1);
    }
  }

  @Test
  void aRelayThatStandsStillForAMomentKeepsThem() {
    Stage stage = Stage.get();
    try (Outside outside = new Outside(stage);
        Deployment deployment =
            Deployment.start(Deployment.Plan.of(Deployment.Form.RELAYED).withGrace(GRACE));
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      deployment.front().freeze();
      deployment.front().thaw();
      assertThat(
              client
                  .tasks()
                  .get(GetRequest.newBuilder().setTaskId(task.getId()).build())
                  .getState())
          .isEqualTo(TaskState.TASK_STATE_OPEN);
      assertThat(outside.login(credential.getDatabase())).isEmpty();
      // Told to stop, both end what they had.
      assertThat(deployment.front().terminate()).isZero();
      assertThat(deployment.broker().terminate()).isZero();
      outside.awaitNothingLent(Duration.ofSeconds(10));
      outside.requireDead(task.getId());
    }
  }
}
