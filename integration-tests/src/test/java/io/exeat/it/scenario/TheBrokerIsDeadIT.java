package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** On call, with the broker dead: what it lent is ended in Vault itself. */
final class TheBrokerIsDeadIT {
  private static final String MAY_END =
      """
      path "auth/token/accessors" { capabilities = ["list", "sudo"] }
      path "auth/token/accessors/" { capabilities = ["list", "sudo"] }
      path "auth/token/lookup-accessor" { capabilities = ["update"] }
      path "auth/token/revoke-accessor" { capabilities = ["update"] }
      path "sys/leases/lookup" { capabilities = ["update"] }
      path "sys/leases/lookup/database/creds/*" { capabilities = ["list", "sudo"] }
      path "sys/leases/revoke" { capabilities = ["update"] }
      """;

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    outside.close();
  }

  @Test
  void anOperatorEndsInVaultWhatItLent() throws SQLException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client()) {
      Task task = client.open(Stage.READ, Stage.WRITE);
      Credential one = client.issue(task, Stage.READ);
      Credential other = client.issue(task, Stage.WRITE);
      String token = operator();
      assertThat(stage.vault().leaveAnAccessorOfNone()).isNotEmpty(); // it hinders nobody
      Map<String, String> login = login(token);
      Ran looked = run(login, "revoke", "--direct", "--all", "--dry-run");
      assertThat(looked.output()).contains("would end  task " + task.getId());
      assertThat(run(login, "revoke", "--direct", "--all").code()).isEqualTo(2);
      String stranger = Stage.OTHER.toString();
      assertThat(run(login, "revoke", "--direct", "--agent", stranger).output())
          .contains("0 found");
      try (Connection session = outside.session(one.getDatabase())) {
        assertThat(outside.login(other.getDatabase())).isEmpty();
        deployment.broker().kill();
        assertThat(outside.tokens(task.getId())).isNotEmpty();
        assertThat(Outside.answers(session)).isTrue();

        long before = System.nanoTime();
        Ran ended = run(login, "revoke", "--direct", "--agent", Stage.AGENT.toString());
        System.out.printf(
            "figure: revoke --direct with the broker dead, the command's start included: %d ms%n",
            Scenarios.since(before).toMillis());
        assertThat(ended.output()).contains("ended      task " + task.getId());
        assertThat(ended.output() + looked.output()).doesNotContain(token);
        assertThat(ended.code()).isZero();
        assertThat(outside.login(one.getDatabase())).startsWith("28");
        assertThat(outside.login(other.getDatabase())).startsWith("28");
        assertThat(Outside.answers(session)).isFalse();
        for (String sql : ended.output().lines().filter(it -> it.contains("SELECT")).toList()) {
          assertThat(stage.postgres().one(Stage.DATABASE, sql)).as(sql).isEqualTo("0");
        }
        outside.requireDead(task.getId());
        outside.requireNothingLent();
      }
    }
  }

  @Test
  void aTaskIsEndedWithItsSubTasksAndNoOther() {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client()) {
      Task whole = client.open(Stage.READ);
      Task part =
          client
              .tasks()
              .open(
                  Client.asking(Stage.READ)
                      .setParentTaskId(whole.getId())
                      .setLifetime(Client.seconds(Duration.ofMinutes(2)))
                      .build());
      Task other = client.open(Stage.READ);
      Credential lent = client.issue(part, Stage.READ);
      deployment.broker().kill();

      Ran ended = run(login(operator()), "revoke", "--direct", "--task", whole.getId());

      assertThat(ended.output())
          .contains("ended      task " + whole.getId(), "ended      task " + part.getId())
          .doesNotContain(other.getId())
          .contains("2 found, 2 ended");
      assertThat(outside.login(lent.getDatabase())).startsWith("28");
      assertThat(outside.tokens(other.getId())).isNotEmpty();
      assertThat(run(login(operator()), "revoke", "--direct", "--task", other.getId()).code())
          .isZero();
    }
    outside.requireNothingLent();
  }

  private Map<String, String> login(String token) {
    return Map.of(
        "VAULT_ADDR", stage.vault().address().toString(),
        "VAULT_CACERT", stage.vault().ca().toString(),
        "VAULT_TOKEN", token);
  }

  @Test
  void withoutALoginOrAgainstNothingItIsSaidWhatToDo() {
    String address = stage.vault().address().toString();
    Ran unknown =
        run(
            Map.of("VAULT_ADDR", address, "HOME", stage.newFolder("home").toString()),
            "revoke",
            "--direct",
            "--all",
            "--dry-run");
    assertThat(unknown.code()).isEqualTo(2);
    assertThat(unknown.output()).contains("VAULT_TOKEN").contains("bao login");
    Map<String, String> wrong =
        Map.of(
            "VAULT_ADDR",
            address,
            "VAULT_CACERT",
            stage.vault().ca().toString(),
            "VAULT_TOKEN",
            "s.wrong");
    Ran refused = run(wrong, "revoke", "--direct", "--all", "--dry-run");
    assertThat(refused.code()).isEqualTo(3);
    assertThat(refused.output()).doesNotContain("s.wrong");
  }

  /** A token that may do what {@code revoke --help} says that it needs, and no more. */
  private String operator() {
    var _ = stage.vault().call("POST", "sys/policies/acl/may-end", Map.of("policy", MAY_END));
    return stage
        .vault()
        .call(
            "POST",
            "auth/token/create",
            Map.of("policies", List.of("may-end"), "no_parent", true, "ttl", "10m"))
        .auth()
        .path("client_token")
        .asText();
  }

  private record Ran(int code, String output) {}

  private static Ran run(Map<String, String> environment, String... words) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(Packaged.command(words)).redirectErrorStream(true);
      builder.environment().putAll(environment);
      Process process = builder.start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ran(process.waitFor(), output);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
