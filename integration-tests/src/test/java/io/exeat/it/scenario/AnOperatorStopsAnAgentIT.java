package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.SmallDisk;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.KillRequest;
import io.exeat.v1.KillsRequest;
import io.exeat.v1.ReceiptsRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.exeat.v1.UnkillRequest;
import io.exeat.v1.UnkillResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One operator stops an agent, two restore it, and an auditor believes neither of them. */
final class AnOperatorStopsAnAgentIT {
  private static final Duration LATE = Duration.ofSeconds(30);
  private static final String ENTITY = "identity/entity/name/clerk";
  private static final String AGENT = Stage.AGENT.toString();

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    // The entity is one for all scenarios.
    var _ = stage.vault().call("POST", ENTITY, Map.of("disabled", false));
    outside.awaitNothingLent(LATE);
    outside.close();
  }

  @Test
  void aStoppedAgentIsDeadAndStaysStoppedUntilTwoRestoreIt() throws IOException {
    try (Deployment deployment =
        Deployment.start(Deployment.Plan.of(Deployment.Form.RELAYED).withGrace(LATE))) {
      Task task;
      try (Client client = deployment.client()) {
        task = client.open(Stage.READ);
        Credential credential = client.issue(task, Stage.READ);
        assertThat(outside.login(credential.getDatabase())).isEmpty();

        Ran killed =
            exeat(
                "kill",
                "--agent",
                AGENT,
                "--reason",
                "talks to strangers",
                "--socket",
                deployment.broker().adminSocket().toString());

        assertThat(killed.output()).contains("gets no more tasks here").doesNotContain("NOT");
        assertThat(killed.code()).as(killed.output()).isZero();
        assertThat(isDisabled()).isTrue();
        assertThat(outside.login(credential.getDatabase())).startsWith("28");
        outside.requireDead(task.getId());
        refusesSoon(client);
      }
      deployment.broker().kill();
      deployment.broker().restart();
      try (Client client = deployment.client();
          Client nobody = deployment.operator()) {
        await().atMost(LATE).until(() -> refusal(client).equals("DENIED"));
        assertThat(isDisabled()).isTrue();
        assertThat(Refusal.of(() -> unkill(nobody)).reason()).isEqualTo("DENIED");
        verifyReceipts(nobody, task);
        restoredByTwo(deployment, client);
      }
    }
  }

  /** How long a refusal takes, of which there may be many: the agent does not know why. */
  private static void refusesSoon(Client client) {
    List<Long> took = new ArrayList<>();
    for (int i = 0; i < 21; i++) {
      long before = System.nanoTime();
      assertThat(refusal(client)).isEqualTo("DENIED");
      took.add(System.nanoTime() - before);
    }
    took.sort(null);
    long median = took.get(10) / 1000;
    System.out.printf("figure: a stopped agent's Open is refused, median: %d us%n", median);
    assertThat(median).isLessThan(50_000);
  }

  private void restoredByTwo(Deployment deployment, Client client) {
    try (Client ada = deployment.operator(Stage.OPERATORS.getFirst());
        Client grace = deployment.operator(Stage.OPERATORS.getLast());
        Client agent = deployment.operator(Stage.AGENT)) {
      assertThat(Refusal.of(() -> unkill(agent)).reason()).isEqualTo("DENIED");
      for (int i = 0; i < 2; i++) {
        assertThat(unkill(ada).getResultCase()).isEqualTo(UnkillResponse.ResultCase.WAITS_UNTIL);
      }
      assertThat(refusal(client)).isEqualTo("DENIED");
      assertThat(isDisabled()).isTrue();

      UnkillResponse second = unkill(grace);

      assertThat(second.getRestored()).as(second.toString()).isTrue();
      assertThat(isDisabled()).isFalse();
      assertThat(ada.admin().kills(KillsRequest.getDefaultInstance()).getKillsList()).isEmpty();
      Task again = client.open(Stage.READ);
      assertThat(outside.login(client.issue(again, Stage.READ).getDatabase())).isEmpty();
    }
  }

  @Test
  void itIsCutOffWhileVaultAndTheDatabaseAreAway() throws InterruptedException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client();
        Client operator = deployment.operator()) {
      Task task = client.open(Stage.READ);
      Credential credential = client.issue(task, Stage.READ);
      Thread killing = Thread.ofVirtual().unstarted(() -> kill(operator));
      stage.vault().freeze();
      stage.postgres().stop();
      try {
        long before = System.nanoTime();
        killing.start();
        await()
            .pollInSameThread()
            .pollDelay(Duration.ZERO)
            .pollInterval(Duration.ofMillis(1))
            .atMost(LATE)
            .until(() -> state(client, task) == TaskState.TASK_STATE_ENDING);
        assertThat(Refusal.of(() -> client.issue(task, Stage.READ)).reason())
            .isEqualTo("TASK_ENDED");
        assertThat(refusal(client)).isEqualTo("DENIED");
        Duration refused = Scenarios.since(before);
        System.out.printf(
            "figure: kill to refusals, Vault frozen and the database down: %d ms%n",
            refused.toMillis());
        assertThat(refused).isLessThan(Duration.ofSeconds(2)); // a call of Vault takes 3 s now
        assertThat(killing.isAlive()).isTrue();
      } finally {
        stage.postgres().start();
        stage.vault().thaw();
      }
      await().atMost(LATE).until(this::isDisabled);
      outside.awaitNothingLent(LATE);
      assertThat(killing.join(LATE)).isTrue();
      assertThat(outside.login(credential.getDatabase())).startsWith("28");
    }
  }

  /** The journal's and the audit chain's: what a kill needs is set aside. */
  @Test
  void onAFullDiskItHoldsAndIsOnRecord() throws IOException {
    try (SmallDisk disk = SmallDisk.mount(stage.newFolder("disk"), "64m");
        Deployment deployment =
            Deployment.start(
                Deployment.Plan.of(Deployment.Form.ALL_IN_ONE)
                    .withJournal(disk.folder("journal"))
                    .withAudit(disk.folder("audit")))) {
      Task task;
      try (Client client = deployment.client();
          Client operator = deployment.operator()) {
        task = client.open(Stage.READ);
        Credential credential = client.issue(task, Stage.READ);
        disk.fill();
        assertThat(Refusal.of(() -> client.open(Stage.READ)).fields()).containsKey("dependency");

        kill(operator);

        assertThat(outside.login(credential.getDatabase())).startsWith("28");
        outside.requireDead(task.getId());
        assertThat(isDisabled()).isTrue();
      }
      await().atMost(LATE).until(() -> chain(disk.folder("audit")).contains("strangers"));
      deployment.broker().kill();
      disk.free();
      deployment.broker().restart();
      try (Client client = deployment.client()) {
        assertThat(refusal(client)).isEqualTo("DENIED");
      }
    }
  }

  private static String chain(Path folder) throws IOException {
    StringBuilder chain = new StringBuilder();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.jsonl")) {
      for (Path file : files) {
        chain.append(Files.readString(file));
      }
    }
    return chain.toString();
  }

  /** As an auditor: with files alone, after the broker's restart. */
  private void verifyReceipts(Client operator, Task task) throws IOException {
    List<String> lines =
        operator
            .admin()
            .receipts(ReceiptsRequest.newBuilder().setTaskId(task.getId()).build())
            .getReceiptsList()
            .stream()
            .map(receipt -> receipt.getJws())
            .toList();
    assertThat(lines).hasSize(2);
    Path file =
        Files.writeString(
            stage.newFolder("receipts").resolve("receipts.jws"), String.join("\n", lines));
    String[] verify = {
      "receipt",
      "verify",
      file.toString(),
      "--bundle",
      stage.bundle().toString(),
      "--broker",
      Stage.BROKER.toString()
    };
    Ran sound = exeat(verify);
    assertThat(sound.output()).contains("2 of 2 receipts are genuine").contains("KILLED");
    assertThat(sound.code()).isZero();
    String[] inJson = Arrays.copyOf(verify, verify.length + 1);
    inJson[verify.length] = "--json";
    assertThat(exeat(inJson).output().lines())
        .hasSize(2)
        .allMatch(line ->
            line.startsWith("{\"genuine\":true,\"ofTheHandle\":true,\"receipt\":{\"v\":1,"));
    // One letter of what was signed.
    String payload = lines.getFirst().split("\\.", -1)[1];
    char letter = payload.charAt(40) == 'A' ? 'B' : 'A';
    String forged = payload.substring(0, 40) + letter + payload.substring(41);
    Files.writeString(file, lines.getFirst().replace(payload, forged));
    assertThat(exeat(verify).code()).isEqualTo(10);
  }

  private static void kill(Client operator) {
    var _ =
        operator
            .admin()
            .kill(KillRequest.newBuilder().setAgent(AGENT).setReason("strangers").build());
  }

  private static UnkillResponse unkill(Client operator) {
    return operator
        .admin()
        .unkill(UnkillRequest.newBuilder().setAgent(AGENT).setReason("prompt mended").build());
  }

  private static TaskState state(Client client, Task task) {
    return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build()).getState();
  }

  /** Why the agent gets no task. */
  private static String refusal(Client client) {
    return Refusal.of(() -> client.open(Stage.READ)).reason();
  }

  private boolean isDisabled() {
    return stage.vault().call("GET", ENTITY, Map.of()).data().path("disabled").asBoolean();
  }

  private record Ran(int code, String output) {}

  /** The packaged command, to its end. */
  private static Ran exeat(String... words) {
    try {
      Process process =
          new ProcessBuilder(Packaged.command(words)).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ran(process.waitFor(), output);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
