package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.Needs;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Opa;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.policy.PolicyFiles;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.DependencyStatus;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.StatusResponse;
import io.exeat.v1.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** A broker that asks an OPA server: what is in force there holds here, and nothing without it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class TheOpaServerIsAwayIT {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String NOT_ADA =
      """
      package exeat
      import rego.v1
      forbid["not-ada"] := {"reason": "not for Ada"} if {
        input.action == "call"
        input.arguments.texts.customer == "Ada"
      }
      """;

  private final Stage stage = Stage.get();
  private final Opa opa = Opa.start(Needs.part("opa", Opa.binary()));
  private final Outside outside = new Outside(stage);
  private final Deployment deployment = decidedBy(opa);
  private final Client client = deployment.client();
  private final Client operator = deployment.operator();

  private static Deployment decidedBy(Opa opa) {
    opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
    return Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withOpa(opa.address()));
  }

  @AfterAll
  void close() {
    operator.close();
    client.close();
    deployment.close();
    outside.close();
    opa.close();
  }

  @Test
  void whatTheServersPoliciesForbidIsDeniedAsSoonAsTheyDo() {
    Task task = client.open(Stage.READ);
    CheckResponse before = check(task);
    assertThat(before.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);

    opa.policy("more", NOT_ADA);
    CheckResponse denied = check(task);

    assertThat(denied.getVerdict()).isEqualTo(Verdict.VERDICT_DENY);
    assertThat(denied.getReason()).isEqualTo("not for Ada");
    assertThat(denied.getBecauseList()).containsExactly("not-ada");
    await()
        .atMost(SOON)
        .untilAsserted(() ->
            assertThat(check(task).getPolicySha256())
                .hasSize(64)
                .isNotEqualTo(before.getPolicySha256())
                .isEqualTo(status().getPolicy().getSha256()));
    opa.remove("more");
    CheckResponse after = check(task);
    assertThat(after.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    await()
        .atMost(SOON)
        .until(() -> check(task).getPolicySha256().equals(before.getPolicySha256()));
    assertThat(taken()).contains(before.getPolicySha256() + " of " + opa.address());
    complete(task);
  }

  @Test
  void withoutItNothingIsPermittedAndEachAnswerIsOnRecord() throws IOException {
    Task task = client.open(Stage.READ);
    assertThat(check(task).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    int before = decided(task).size();

    opa.kill();
    List<Refusal> refused = new ArrayList<>();
    refused.add(Refusal.of(() -> check(task)));
    refused.add(Refusal.of(() -> client.issue(task, Stage.READ)));
    refused.add(Refusal.of(() -> client.open(Stage.READ)));
    await().atMost(SOON).until(() -> !policy().getAvailable());
    assertThat(policy().getProblem()).contains(opa.address().toString(), "everything is denied");
    assertThat(status().getPolicy().getSha256()).isEmpty();
    // One that is there again, and empty, is none either.
    opa.restart();
    refused.add(Refusal.of(() -> check(task)));

    assertThat(refused).extracting(Refusal::reason).containsOnly("UNAVAILABLE");
    assertThat(refused)
        .allSatisfy(it -> assertThat(it.fields()).containsEntry("dependency", "POLICY"));
    assertThat(refused).allSatisfy(it -> assertThat(it.fields().get("problem")).contains("OPA at"));
    assertThat(refused.getLast().fields().get("problem")).contains("is the policy loaded?");
    assertThat(outside.roles()).isEmpty();
    assertThat(outside.leases(Stage.READ)).isEmpty();
    await()
        .atMost(SOON)
        .untilAsserted(() ->
            assertThat(decided(task).subList(before, decided(task).size()))
                .containsExactly("failed", "failed", "failed"));

    opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
    assertThat(check(task).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(outside.login(client.issue(task, Stage.READ).getDatabase())).isEmpty();
    await().atMost(SOON).until(() -> policy().getAvailable());
    assertThat(status().getPolicy().getSha256()).hasSize(64);
    complete(task);
    outside.requireDead(task.getId());
  }

  private CheckResponse check(Task task) {
    return client
        .decisions()
        .check(
            CheckRequest.newBuilder()
                .setTaskId(task.getId())
                .setGrant(Stage.READ)
                .setArgumentsJson("{\"customer\":\"Ada\"}")
                .build());
  }

  private void complete(Task task) {
    var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private StatusResponse status() {
    return operator.admin().status(StatusRequest.getDefaultInstance());
  }

  private DependencyStatus policy() {
    return status().getDependenciesList().stream()
        .filter(it -> it.getName().equals("policy"))
        .findFirst()
        .orElseThrow();
  }

  /** What was decided for the task, in the words of its record. */
  private List<String> decided(Task task) {
    List<String> words = new ArrayList<>();
    for (JsonNode record : records("policy.decided")) {
      if (record.path("task").asText().equals(task.getId())) {
        record.path("answers").forEach(it -> words.add(it.path("decided").asText()));
      }
    }
    return words;
  }

  /** Which hash stands for what, by the chain. */
  private List<String> taken() {
    return records("policy.taken").stream()
        .map(it -> it.path("policy").asText() + " of " + it.path("source").asText())
        .toList();
  }

  private List<JsonNode> records(String kind) {
    List<JsonNode> records = new ArrayList<>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(deployment.broker().audit(), "*.jsonl")) {
      for (Path file : files) {
        for (String line : Files.readAllLines(file)) {
          JsonNode record = new ObjectMapper().readTree(line);
          if (record.path("kind").asText().equals(kind)) {
            records.add(record);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return records;
  }
}
