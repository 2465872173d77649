package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * After six tries Vault calls a lease irrevocable and leaves it alone for a day, also when the
 * database is back. Nothing makes it do so sooner: this takes 5 to 15 minutes, and runs with {@code
 * -Dexeat.long=true}.
 */
@EnabledIfSystemProperty(named = "exeat.long", matches = "true")
final class VaultGivesUpIT {
  private static final Duration GIVEN_UP = Duration.ofMinutes(20);
  private static final Duration BACK = Duration.ofSeconds(30);

  private final Stage stage = Stage.get();
  private final OpenBao vault = stage.vault();

  @Test
  void whatVaultGaveUpTheBrokerEndsOnceTheDatabaseIsBack() {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client();
        Outside outside = new Outside(stage)) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      String without = lentWithoutABroker();
      long away = System.nanoTime();
      long back;
      stage.postgres().stop();
      try {
        assertThat(
                client
                    .tasks()
                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                    .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build())
                    .getState())
            .isEqualTo(TaskState.TASK_STATE_ENDING);
        await()
            .pollInterval(Duration.ofSeconds(2))
            .atMost(GIVEN_UP)
            .until(() -> irrevocable() == 2);
        System.out.printf(
            "figure: Vault gave both leases up after %d s%n", Scenarios.since(away).toSeconds());
      } finally {
        stage.postgres().start();
        back = System.nanoTime();
      }
      Duration dead = outside.awaitDead(task.getId(), back, BACK);
      System.out.printf("figure: database back to dead: %d ms%n", dead.toMillis());
      await().atMost(BACK).until(() -> irrevocable() == 1);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
      // The one that no broker looks after is still there: it was not Vault that came back to it.
      assertThat(vault.call("POST", "sys/leases/lookup", Map.of("lease_id", without)).status())
          .isEqualTo(200);
      await()
          .atMost(BACK)
          .until(() ->
              vault
                      .call("POST", "sys/leases/revoke", Map.of("lease_id", without, "sync", true))
                      .status()
                  == 204);
      assertThat(irrevocable()).isZero();
      outside.awaitNothingLent(BACK);
    }
  }

  /**
   * A lease whose token is ended while the database is away, and of which nobody knows; named as
   * one of ours, because the database ends no other role.
   */
  private String lentWithoutABroker() {
    String token =
        vault
            .call(
                "POST",
                "auth/token/create",
                Map.of("ttl", "10s", "display_name", new Epoch(TaskId.random(), 1).label()))
            .auth()
            .path("client_token")
            .asText();
    return vault
        .call("GET", "database/creds/" + Stage.READ, Map.of(), token)
        .body()
        .path("lease_id")
        .asText();
  }

  private int irrevocable() {
    return vault
        .call("GET", "sys/leases/count?type=irrevocable", Map.of())
        .data()
        .path("lease_count")
        .asInt(-1);
  }
}
