package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Sshd;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialState;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A certificate for SSH, by a real authority in OpenBao and for a real host: nobody can take it
 * back, and everybody says so.
 */
final class WhatCannotBeRecalledIT {
  private static final Duration LONG = Duration.ofMinutes(2);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final Deployment deployment =
      Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
  private final Client client = deployment.client();

  @AfterEach
  void close() {
    client.close();
    deployment.close();
    outside.close();
  }

  @Test
  void itsTaskEndsWithItAndNotBefore() throws Exception {
    Task task = client.open(Stage.SSH, Stage.READ);
    Credential login = client.issue(task, Stage.READ);
    Credential lent = client.issue(task, Stage.SSH);
    Instant end = Instant.ofEpochSecond(lent.getExpiresAt().getSeconds());

    assertThat(lent.getCannotBeRecalled()).isTrue();
    assertThat(lent.getSsh().getUsersList()).containsExactly("web");
    assertThat(end).isBetween(Instant.now().minus(LONG), Instant.now().plusSeconds(31));

    Task ending =
        client
            .tasks()
            .complete(io.exeat.v1.CompleteRequest.newBuilder().setTaskId(task.getId()).build());

    assertThat(outside.login(login.getDatabase())).startsWith("28");
    if (Instant.now().isBefore(end)) { // on a machine that has time for us
      assertThat(ending.getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
      assertThat(ending.getPendingReason()).contains("cannot be recalled, ends at " + end);
      assertThat(ending.getCredentialsList())
          .anyMatch(it ->
              it.getCannotBeRecalled()
                  && it.getState() == CredentialState.CREDENTIAL_STATE_REVOKING)
          .anyMatch(it ->
              !it.getCannotBeRecalled()
                  && it.getState() == CredentialState.CREDENTIAL_STATE_REVOKED);
    }
    await().atMost(LONG).until(() -> get(task).getState() == TaskState.TASK_STATE_ENDED);

    assertThat(Instant.now()).isAfter(end);
    assertThat(receipts(task))
        .anyMatch(text ->
            text.contains("\"kind\":\"SSH_CERTIFICATE\"")
                && text.contains("\"principal\":\"" + lent.getSsh().getSerialNumber() + "\"")
                && text.contains("\"ends_at\":\"" + end + "\""));
    assertThat(audited("credential.cannot-be-recalled"))
        .singleElement()
        .asString()
        .contains(
            lent.getId(),
            "\"cause\":\"COMPLETED\"",
            "\"expires\":\"" + end.toString().replace("Z", ""));
  }

  @Test
  void aHostLetsInUntilItEndsAndTheCommandLineSaysSo() throws IOException {
    try (Sshd host = Sshd.start(stage.newFolder("sshd"), stage.vault().authority("ssh"), "web")) {
      Path key = folder().resolve("key");
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
                  Stage.SSH,
                  "--json")
              .json()
              .path("id")
              .asText();
      Said issued =
          agent.run(
              "credential", "issue", "--task", id, "--grant", Stage.SSH, "--out", key.toString());
      assertThat(issued.code()).as("%s", issued).isZero();
      assertThat(issued.out())
          .contains("cannot be recalled: it ends at", "web at 127.0.0.1")
          .doesNotContain("PRIVATE KEY");
      Instant latest = Instant.now().plusSeconds(30);

      // Whatever is asked for, it is the command of the certificate.
      var first = host.run(key);
      if (Instant.now().isBefore(latest.minusSeconds(20))) {
        assertThat(first).contains("let in");
      }
      Said completed = agent.run("task", "complete", id);
      if (completed.code() != 0) { // else it took too long
        assertThat(completed.out()).contains("cannot be recalled, ends at");
        assertThat(agent.run("task", "get", id).out()).contains("ENDING", "cannot be recalled");
      }
      await()
          .atMost(LONG)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> agent.run("task", "get", id).out().contains("expired at"));
      assertThat(host.run(key)).isEmpty();
    }
  }

  /** For everybody: the agent may be another user. */
  private Path folder() throws IOException {
    Path folder = stage.newFolder("key");
    return Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
  }

  private Task get(Task task) {
    return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private List<String> receipts(Task task) {
    try (Client operator = deployment.operator()) {
      return operator.receipts(task);
    }
  }

  private List<String> audited(String kind) throws IOException {
    try (Stream<Path> files = Files.list(deployment.folder().resolve("audit"))) {
      return files
          .filter(it -> it.toString().endsWith(".jsonl"))
          .flatMap(WhatCannotBeRecalledIT::lines)
          .filter(line -> line.contains("\"kind\":\"" + kind + "\""))
          .toList();
    }
  }

  private static Stream<String> lines(Path file) {
    try {
      return Files.readAllLines(file).stream();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
