package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.LendingCluster;
import io.exeat.it.environment.Stage;
import io.exeat.it.environment.Wire;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A service account of a real cluster, through the packaged broker. */
@SuppressWarnings("NullAway.Init")
final class AServiceAccountEndsWithItsTaskIT {
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final String PODS = "/api/v1/namespaces/shop/pods";
  private static final String GRANT = "pods-look";

  private static Stage stage;
  private static LendingCluster cluster;
  private static Path catalogue;

  @BeforeAll
  static void start() throws Exception {
    stage = Stage.get();
    cluster = LendingCluster.start(stage.vault(), stage.newFolder("cluster"));
    catalogue = stage.newFolder("catalogue").resolve("catalogue.yaml");
    Files.writeString(
        catalogue,
        Files.readString(stage.catalogue())
            .replace(
                "targets:\n",
                """
                targets:
                  shop-cluster:
                    environment: test
                    kubernetes:
                      host: 127.0.0.1
                      port: %d
                      ca: "%s"
                """
                    .formatted(
                        cluster.api().port(), cluster.api().authorities().replace("\n", "\\n")))
            .replace(
                "grants:\n  hosts",
                """
                grants:
                  pods-look:
                    target: shop-cluster
                    actions: [read]
                    data-class: internal
                    delivery: raw
                    kubernetes:
                      namespace: shop
                      rules: [{api-groups: [""], resources: [pods], verbs: [get, list]}]
                  hosts\
                """
                    .indent(0)
                    .stripTrailing())
            .replace(
                "grants: [orders-read, orders-write,",
                "grants: [pods-look, orders-read, orders-write,"));
    stage.apply(catalogue);
  }

  @AfterAll
  static void stop() {
    if (cluster != null) {
      stage.apply(stage.catalogue());
      cluster.close();
    }
  }

  private static Deployment.Plan plan() {
    Deployment.Plan usual = Deployment.Plan.of(Deployment.Form.ALL_IN_ONE);
    return usual.launchedBy(config -> {
      List<String> command = new ArrayList<>(List.of("env", "EXEAT_CATALOGUE_PATH=" + catalogue));
      command.addAll(usual.launch().command(config));
      return command;
    });
  }

  @Test
  void itWorksUntilItsTaskIsCompletedAndItsReceiptSaysSo() throws IOException {
    try (Deployment deployment = Deployment.start(plan());
        Client client = deployment.client()) {
      Task task = client.open(GRANT);
      Credential lent = client.issue(task, GRANT);
      assertThat(lent.getServiceAccount().getNamespace()).isEqualTo("shop");
      assertThat(lent.getCannotBeRecalled()).isFalse();
      await().atMost(LONG).until(() -> status(lent) == 200);

      Task ended = complete(client, task);

      assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      assertThat(status(lent)).isIn(401, 403);
      assertThat(cluster.accounts()).noneMatch(name -> name.contains(task.getId()));
      assertThat(receipts(deployment, task))
          .anyMatch(text ->
              text.contains("\"kind\":\"SERVICE_ACCOUNT\"")
                  && text.contains(lent.getServiceAccount().getName())
                  && text.contains("rolebindings at shop-cluster: 0 named"));
    }
  }

  @Test
  void kubectlTakesWhatTheCommandLineWrites() throws IOException {
    try (Deployment deployment = Deployment.start(plan())) {
      Path file =
          Files.setPosixFilePermissions(
                  stage.newFolder("key"), PosixFilePermissions.fromString("rwxrwxrwx"))
              .resolve("config");
      Exeat agent = Exeat.as(Stage.AGENT).with("EXEAT_SOCKET", deployment.socket());
      String id =
          agent
              .run(
                  "task",
                  "open",
                  "--intent",
                  "answer-ticket",
                  "-p",
                  "ticket=1",
                  "--scope",
                  GRANT,
                  "--json")
              .json()
              .path("id")
              .asText();
      var issued =
          agent.run(
              "credential", "issue", "--task", id, "--grant", GRANT, "--out", file.toString());
      assertThat(issued.code()).as("%s", issued).isZero();
      assertThat(issued.out()).contains("account     shop/x-" + id).doesNotContain("eyJ");
      var config =
          new com.fasterxml.jackson.databind.ObjectMapper().readTree(Files.readString(file));
      assertThat(config.path("clusters").path(0).path("cluster").path("server").asText())
          .isEqualTo("https://127.0.0.1:" + cluster.api().port());
      String token = config.path("users").path(0).path("user").path("token").asText();
      await().atMost(LONG).until(() -> cluster.api().as(token, "GET", PODS).status() == 200);
      assertThat(agent.run("task", "complete", id).code()).isZero();
      assertThat(cluster.api().as(token, "GET", PODS).status()).isIn(401, 403);
    }
  }

  @Test
  void withVaultAwayItMayNothingAndIsDeadWhenVaultIsBack() throws IOException {
    try (Wire wire = Wire.to(stage.vault().address().getPort());
        Deployment deployment = Deployment.start(plan().through(wire));
        Client client = deployment.client()) {
      Task first = client.open(GRANT); // the verifier has an account then
      var _ = client.issue(first, GRANT);
      assertThat(complete(client, first).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      Task task = client.open(GRANT);
      Credential lent = client.issue(task, GRANT);
      await().atMost(LONG).until(() -> status(lent) == 200);
      wire.blackHole();
      Thread asking =
          Thread.ofVirtual()
              .start(() -> {
                var _ = complete(client, task);
              });
      await().atMost(LONG).until(() -> status(lent) != 200);
      assertThat(get(client, task).getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
      wire.mend();
      await().atMost(LONG).until(() -> get(client, task).getState() == TaskState.TASK_STATE_ENDED);
      await().atMost(LONG).until(() -> !asking.isAlive());
      assertThat(cluster.accounts()).noneMatch(name -> name.contains(task.getId()));
    }
  }

  @Test
  void whatAKilledBrokerLentIsGoneWhenItServesAgain() {
    try (Deployment deployment = Deployment.start(plan())) {
      Credential lent;
      try (Client client = deployment.client()) {
        lent = client.issue(client.open(GRANT), GRANT);
      }
      await().atMost(LONG).until(() -> status(lent) == 200);
      deployment.broker().kill();
      deployment.broker().restart();
      await().atMost(LONG).until(() -> status(lent) != 200);
      await()
          .atMost(LONG)
          .until(() ->
              cluster.accounts().stream()
                  .noneMatch(name -> name.equals(lent.getServiceAccount().getName())));
    }
  }

  private static List<String> receipts(Deployment deployment, Task task) {
    try (Client operator = deployment.operator()) {
      return operator.receipts(task);
    }
  }

  private static int status(Credential lent) {
    return cluster.api().as(lent.getServiceAccount().getToken(), "GET", PODS).status();
  }

  private static Task complete(Client client, Task task) {
    return client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private static Task get(Client client, Task task) {
    return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build());
  }
}
