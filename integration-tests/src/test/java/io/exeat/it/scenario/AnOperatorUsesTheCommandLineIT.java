package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What an operator does with {@code exeat}. */
final class AnOperatorUsesTheCommandLineIT extends Scenarios {
  AnOperatorUsesTheCommandLineIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }

  private Exeat operator() {
    return Exeat.asOperator().with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket());
  }

  private static Said ok(Said said) {
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.err()).isEmpty();
    return said;
  }

  @Test
  void oneTaskIsSeenAndEnded() {
    Task task = client.open(Stage.READ);
    Task other = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);

    assertThat(ok(operator().run("task", "list")).out())
        .contains(task.getId() + "  OPEN")
        .contains("holds 1, until")
        .contains("2 tasks");
    JsonNode status = ok(operator().run("status", "--json")).json();
    assertThat(status.path("tasksOpen").asInt()).isEqualTo(2);
    assertThat(status.path("credentialsActive").asInt()).isEqualTo(1);

    Said revoked =
        ok(operator().run("revoke", "--task", task.getId(), "--reason", "went astray", "--json"));
    assertThat(revoked.json().path("named").asInt()).isEqualTo(1);
    assertThat(revoked.json().path("provenDead").asInt()).isEqualTo(1);
    assertThat(outside.login(credential.getDatabase())).startsWith("28");
    outside.requireDead(task.getId());

    JsonNode open = ok(operator().run("task", "list", "--json")).json().path("tasks");
    assertThat(open).hasSize(1);
    assertThat(open.path(0).path("id").asText()).isEqualTo(other.getId());
    assertThat(ok(operator().run("task", "list", "--ended")).out())
        .contains(task.getId() + "  ENDED");

    Said chain =
        ok(
            Exeat.asOperator()
                .run(
                    "audit",
                    "show",
                    "--folder",
                    deployment.broker().audit().toString(),
                    "--task",
                    task.getId()));
    assertThat(chain.out()).contains("went astray").doesNotContain(other.getId());
  }

  @Test
  void oneCredentialAndAllOfAnAgentAreEnded() {
    Task task = client.open(Stage.READ);
    Credential first = client.issue(task, Stage.READ);
    Credential second = client.issue(task, Stage.READ);

    assertThat(ok(operator().run("revoke", "--lease", first.getId())).out())
        .startsWith("1 named, 1 proven dead");
    assertThat(outside.login(first.getDatabase())).startsWith("28");
    assertThat(outside.login(second.getDatabase())).isEmpty();

    Said nobody = ok(operator().run("revoke", "--agent", Stage.OTHER.toString()));
    assertThat(nobody.out()).contains("0 named").contains("nothing matched");
    assertThat(outside.login(second.getDatabase())).isEmpty();

    ok(operator().run("revoke", "--agent", Stage.AGENT.toString()));
    outside.requireDead(task.getId());
  }

  @Test
  void aTreeOfTasksAndAllThatHoldAGrantAreEnded() {
    Task root = client.open(Stage.READ, Stage.WRITE);
    Task part =
        client
            .tasks()
            .open(
                Client.asking(Stage.READ)
                    .setParentTaskId(root.getId())
                    .setLifetime(Client.seconds(Duration.ofMinutes(1)))
                    .build());
    Task other = client.open(Stage.READ);
    Credential held = client.issue(part, Stage.READ);

    Said tree = ok(operator().run("revoke", "--tree", part.getId(), "--reason", "all of it"));
    assertThat(tree.out()).startsWith("2 named, 2 proven dead");
    assertThat(outside.login(held.getDatabase())).startsWith("28");
    outside.requireDead(root.getId());
    outside.requireDead(part.getId());
    assertThat(hasEnded(other)).isFalse();

    Said none = ok(operator().run("revoke", "--grant", Stage.WRITE));
    assertThat(none.out()).contains("0 named");
    assertThat(hasEnded(other)).isFalse();
    ok(operator().run("revoke", "--grant", Stage.READ));
    outside.requireDead(other.getId());

    Task last = client.open(Stage.READ);
    assertThat(ok(operator().run("revoke", "--all", "--json")).json().path("named").asInt())
        .isEqualTo(1);
    outside.requireDead(last.getId());
  }

  @Test
  void theChainVerifiesAndAFlippedByteIsFound() throws IOException {
    Task task = client.open(Stage.READ);
    complete(task);
    Path folder = deployment.broker().audit();
    JsonNode sound =
        ok(Exeat.asOperator().run("audit", "verify", "--folder", folder.toString(), "--json"))
            .json();
    assertThat(sound.path("sound").asBoolean()).isTrue();

    Path copy = Files.createTempDirectory("exeat-chain");
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(copy.resolve(file.getFileName()), bytes);
      }
    }
    Said broken = Exeat.asOperator().run("audit", "verify", "--folder", copy.toString(), "--json");
    assertThat(broken.code()).isEqualTo(10);
    assertThat(broken.json().path("sound").asBoolean()).isFalse();
    assertThat(broken.json().path("line").asInt()).isPositive();

    Said cut =
        Exeat.asOperator()
            .run(
                "audit",
                "verify",
                "--folder",
                folder.toString(),
                "--count",
                Long.toString(sound.path("records").asLong() + 1000));
    assertThat(cut.code()).isEqualTo(10);
    Said none = Exeat.asOperator().run("audit", "verify", "--folder", "/nowhere");
    assertThat(none.code()).isEqualTo(3);
  }

  @Test
  void whoIsNoOperatorMayNothing() {
    Task task = client.open(Stage.READ);
    Said atTheAgents =
        Exeat.as(Stage.AGENT).run("revoke", "--all", "--socket", deployment.socket().toString());
    assertThat(atTheAgents.code()).as("%s", atTheAgents).isNotZero();
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    Said another =
        Exeat.as(Stage.AGENT)
            .with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket())
            .run("revoke", "--all");
    assertThat(another.code()).isEqualTo(3);
    assertThat(another.err()).contains("exeat: ").contains("may this user use its socket");
    assertThat(get(task).getState().name()).isEqualTo("TASK_STATE_OPEN");
  }

  @Test
  void aConfigurationIsCheckedBeforeItIsUsed() throws IOException {
    Path good = deployment.folder().resolve("exeat.yaml");
    assertThat(ok(operator().run("config", "check", "--config", good.toString())).out())
        .containsPattern("vault.session-ttl +2m")
        .contains("catalogue.agents            [clerk, hasty, reader]");
    Path wrong =
        Files.writeString(
            stage.newFolder("wrong").resolve("exeat.yaml"),
            Files.readString(good).replaceAll("session-ttl: .*", "session-ttl: -1s"));
    Said said = operator().run("config", "check", "--config", wrong.toString());
    assertThat(said.code()).isEqualTo(10);
    assertThat(said.err()).contains("vault.session-ttl", "5s");
    Said none = operator().run("run", "--config", "/nowhere/exeat.yaml");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("/nowhere/exeat.yaml").contains("there is no such file");
  }

  @Test
  void whatIsWrongInACommandIsSaidShortly() {
    Said both = operator().run("revoke", "--all", "--task", "t0123456789abcdefghij");
    assertThat(both.code()).isEqualTo(2);
    assertThat(both.err()).contains("mutually exclusive").contains("exeat revoke --help");
    Said nothing = operator().run("revoke");
    assertThat(nothing.code()).isEqualTo(2);
    Said typo = operator().run("taks", "list");
    assertThat(typo.code()).isEqualTo(2);
    assertThat(typo.err()).contains("task");
    Said time = operator().run("status", "--timeout", "5");
    assertThat(time.code()).isEqualTo(2);
    assertThat(time.err()).contains("such as 30s");
    for (List<String> words :
        List.of(List.of("run", "--help"), List.of("help", "task"), List.of("task", "open", "-h"))) {
      Said help = ok(operator().run(words.toArray(String[]::new)));
      assertThat(help.out()).startsWith("Usage: exeat").contains("Exit codes:").contains("  10 ");
    }
  }
}
