package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.EndCause;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.WatchRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Vault lets the broker's sessions live for a short while only, whatever renews them. */
final class ASessionGrowsOldIT {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    outside.awaitNothingLent(Duration.ofSeconds(30));
    outside.close();
  }

  @Test
  void aTaskThatMustEndWithItsSessionIsWarnedAndEnded() {
    try (Deployment deployment = deployment("exeat-old", Duration.ofSeconds(5), 15);
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      List<TaskEvent.EventCase> seen = new ArrayList<>();
      Iterator<TaskEvent> events =
          client.tasks().watch(WatchRequest.newBuilder().setTaskId(task.getId()).build());
      TaskEvent last = TaskEvent.getDefaultInstance();
      while (events.hasNext()) {
        last = events.next();
        seen.add(last.getEventCase());
      }
      assertThat(seen)
          .containsSubsequence(
              TaskEvent.EventCase.EXPIRY_WARNING,
              TaskEvent.EventCase.ENDING,
              TaskEvent.EventCase.ENDED);
      assertThat(last.getEnded().getEndCause()).isEqualTo(EndCause.END_CAUSE_LEASE_LOST);
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
      outside.requireDead(task.getId());
      // The next one belongs to a session that lives.
      Task next = client.open(Stage.READ);
      assertThat(outside.login(client.issue(next, Stage.READ).getDatabase())).isEmpty();
    }
  }

  @Test
  void aBrokerThatIsKilledBetweenTwoSessionsEndsBoth() {
    String role = "exeat-between";
    try (Deployment deployment = deployment(role, Duration.ofSeconds(30), 40);
        Client client = deployment.client()) {
      Task old = client.open(Stage.READ);
      Credential lentOld = client.issue(old, Stage.READ);
      await().atMost(Duration.ofSeconds(45)).until(() -> sessions(role).size() == 2);
      Task young = client.open(Stage.READ);
      Credential lentYoung = client.issue(young, Stage.READ);
      List<String> both = sessions(role);

      deployment.broker().kill();
      assertThat(outside.login(lentOld.getDatabase())).isEmpty();
      assertThat(outside.login(lentYoung.getDatabase())).isEmpty();
      deployment.broker().restart();

      // By what the journal has of both, long before they would die of silence.
      await().atMost(SOON).until(() -> sessions(role).stream().noneMatch(both::contains));
      await()
          .atMost(SOON)
          .untilAsserted(() -> {
            outside.requireDead(old.getId());
            outside.requireDead(young.getId());
          });
    }
  }

  /** Whose sessions Vault ends after {@code life} seconds. */
  private Deployment deployment(String role, Duration ttl, int life) {
    Stage.Place place = stage.development(role, ttl);
    String path = "auth/" + place.mount() + "/role/" + role;
    Map<String, Object> fields = new HashMap<>();
    stage
        .vault()
        .call("GET", path, Map.of())
        .data()
        .properties()
        .forEach(field -> {
          if (!field.getValue().isNull()) {
            fields.put(field.getKey(), field.getValue());
          }
        });
    fields.put("token_max_ttl", life + "s");
    fields.put("token_explicit_max_ttl", life + "s");
    OpenBao.Reply reply = stage.vault().call("POST", path, fields);
    assertThat(reply.status()).isLessThan(300);
    return Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, place));
  }

  /** Accessors of the sessions at a role. */
  private List<String> sessions(String role) {
    List<String> found = new ArrayList<>();
    stage
        .vault()
        .call("LIST", "auth/token/accessors", Map.of())
        .data()
        .path("keys")
        .forEach(accessor -> {
          OpenBao.Reply token =
              stage
                  .vault()
                  .call("POST", "auth/token/lookup-accessor", Map.of("accessor", accessor));
          if (token.data().path("meta").path("role").asText().equals(role)) {
            found.add(accessor.asText());
          }
        });
    return found;
  }
}
