package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.ApprovalRequest;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.RejectRequest;
import io.exeat.v1.Task;
import io.exeat.v1.WaitingRequest;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * With the owner's yes, policy asks for an operator's; they say theirs over mTLS, the agent is
 * behind a sidecar.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class PolicyAsksInStagesIT {
  private static final String POLICIES =
      """
      @id("all") permit (principal, action, resource);
      @id("first") @ask("owner") forbid (principal, action == Exeat::Action::"call", resource)
      unless { context.approvals.contains("owner") };
      @id("then") @ask("operator") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.approvals.contains("owner") }
      unless { context.approvals.contains("operator") };
      """;

  private static final SpiffeId ADA = Stage.OPERATORS.getFirst();
  private static final SpiffeId GRACE = Stage.OPERATORS.getLast();

  private final Stage stage = Stage.get();
  private final Deployment deployment =
      Deployment.start(
          Deployment.Plan.of(Deployment.Form.RELAYED)
              .withPolicies(folderWith(POLICIES))
              .withCatalogue(catalogue()));
  private final Client agent = deployment.client();

  /** The one whom the catalogue names for the agent, and an operator besides. */
  private final Client ada = deployment.operator(ADA);

  private final Client grace = deployment.operator(GRACE);
  private Task task = Task.getDefaultInstance();

  /** As all scenarios have it, but that the clerk's approver comes over mTLS. */
  private Path catalogue() {
    try {
      String usual = Files.readString(stage.catalogue());
      return Files.writeString(
          stage.newFolder("catalogue").resolve("catalogue.yaml"),
          usual.replace("approvers: [uid 0]", "approvers: [\"" + ADA + "\"]"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path folderWith(String policies) {
    try {
      Path folder = stage.newFolder("policies");
      Files.writeString(folder.resolve("stages.cedar"), policies);
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @BeforeEach
  void open() {
    task = agent.open(Stage.WRITE);
  }

  @AfterEach
  void end() {
    var _ = agent.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  @AfterAll
  void close() {
    agent.close();
    ada.close();
    grace.close();
    deployment.close();
  }

  @Test
  void theSecondYesPermitsItOnceAndBothAreOnRecord() throws IOException {
    CheckResponse first = refund(1200);
    assertThat(first.getApproversList()).containsExactly("owner");
    approve(ada, first);

    CheckResponse second = refund(1200);

    assertThat(second.getVerdict()).isEqualTo(Verdict.VERDICT_ASK);
    assertThat(second.getApproversList()).containsExactly("operator");
    ApprovalRequest waits = waiting(grace);
    assertThat(waits.getDecisionId()).isEqualTo(second.getDecisionId());
    assertThat(waits.getMissingList()).containsExactly("operator");
    assertThat(waits.getApprovalsList())
        .extracting(yes -> yes.getAs(), yes -> yes.getBy())
        .containsExactly(tuple("owner", ADA.toString()));
    // It was another request that the owner saw; and one person is not two.
    assertThat(refusal(() -> approve(grace, first))).isEqualTo("NO_SUCH_APPROVAL");
    assertThat(refusal(() -> approve(ada, second))).isEqualTo("DENIED");
    assertThat(refund(1200).getVerdict()).isEqualTo(Verdict.VERDICT_ASK);

    approve(grace, second);
    assertThat(refund(1300).getApproversList()).containsExactly("owner");
    CheckResponse permit = refund(1200);

    assertThat(permit.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(refund(1200).getApproversList()).containsExactly("owner");
    assertThat(record("approval."))
        .extracting(it -> text(it, "/kind"), it -> text(it, "/asked"), it -> who(it))
        .containsExactly(
            tuple("approval.given", first.getDecisionId(), "owner " + ADA + " for first"),
            tuple(
                "approval.given", second.getDecisionId(), "operator " + GRACE + " for first then"),
            tuple("approval.used", second.getDecisionId(), permit.getDecisionId()));
    assertThat(record("approval."))
        .extracting(it -> text(it, "/call_sha256"))
        .containsOnly(waits.getCallSha256());
  }

  @Test
  void aNoToTheSecondIsOneToTheCall() throws IOException {
    approve(ada, refund(500));
    CheckResponse second = refund(500);
    assertThat(second.getApproversList()).containsExactly("operator");

    reject(grace, second, "not this customer");

    for (int i = 0; i < 2; i++) {
      CheckResponse denied = refund(500);
      assertThat(denied.getVerdict()).isEqualTo(Verdict.VERDICT_DENY);
      assertThat(denied.getReason()).contains("not this customer");
    }
    assertThat(refusal(() -> approve(grace, second))).isEqualTo("NO_SUCH_APPROVAL");
    assertThat(record("operator.acted"))
        .extracting(it -> text(it, "/operator"), it -> text(it, "/action"), it -> text(it, "/what"))
        .containsExactly(
            tuple(GRACE.toString(), "reject", second.getDecisionId() + " of " + Stage.AGENT));
  }

  /** What policy asks for once it has the first yes, nobody knows before the call is repeated. */
  @Test
  void whoSaysTheFirstOnTheCommandLineIsToldThatMoreMayBeAskedFor() {
    String first = refund(700).getDecisionId();
    Said said = approval(ADA, "approve", first, "--reason", "checked");
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.out())
        .contains("approved", "if it asks for another's too", "exeat approval list")
        .doesNotContain("uid");

    String second = refund(700).getDecisionId();

    assertThat(approval(GRACE, "list").out()).contains(second, "needs    the yes of operator");
    assertThat(approval(GRACE, "approve", second, "--reason", "checked").code()).isZero();
    assertThat(refund(700).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
  }

  private Said approval(SpiffeId person, String command, String... more) {
    List<String> words = new ArrayList<>(List.of("approval", command, "--to"));
    words.add(deployment.address());
    words.addAll(List.of(more));
    return Exeat.overTcp(person).run(words.toArray(String[]::new));
  }

  private CheckResponse refund(int cents) {
    return agent
        .decisions()
        .check(
            CheckRequest.newBuilder()
                .setTaskId(task.getId())
                .setTool("orders.refund")
                .setArgumentsJson("{\"cents\":" + cents + "}")
                .build());
  }

  private static void approve(Client person, CheckResponse asked) {
    var _ =
        person
            .approvals()
            .approve(
                ApproveRequest.newBuilder()
                    .setDecisionId(asked.getDecisionId())
                    .setReason("checked")
                    .build());
  }

  private static void reject(Client person, CheckResponse asked, String reason) {
    RejectRequest no =
        RejectRequest.newBuilder().setDecisionId(asked.getDecisionId()).setReason(reason).build();
    var _ = person.approvals().reject(no);
  }

  private static ApprovalRequest waiting(Client person) {
    List<ApprovalRequest> all =
        person.approvals().waiting(WaitingRequest.getDefaultInstance()).getRequestsList();
    assertThat(all).hasSize(1);
    return all.getFirst();
  }

  private static String refusal(Runnable call) {
    return Refusal.of(call).reason();
  }

  /** The chain's records of these kinds that are of this test's task or of none. */
  private List<JsonNode> record(String kind) throws IOException {
    List<JsonNode> found = new ArrayList<>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(deployment.broker().audit(), "*.jsonl")) {
      for (Path file : files) {
        String lines = Files.readString(file);
        // The last may still be being written.
        for (String line : lines.substring(0, lines.lastIndexOf('\n')).split("\n", -1)) {
          JsonNode record = Said.line(line);
          String of = record.path("task").asText(task.getId());
          if (of.equals(task.getId()) && text(record, "/kind").startsWith(kind)) {
            found.add(record);
          }
        }
      }
    }
    return found;
  }

  private static String text(JsonNode record, String at) {
    return record.at(at).asText();
  }

  /** Who said yes as whom, for which policies; or the decision that it was used for. */
  private static String who(JsonNode record) {
    if (text(record, "/kind").equals("approval.used")) {
      return text(record, "/decision");
    }
    List<String> policies = new ArrayList<>();
    // Each with the attributes that it looks at, in parentheses.
    record.path("because").forEach(it -> policies.add(it.asText().split(" ", 2)[0]));
    return "%s %s for %s"
        .formatted(text(record, "/as"), text(record, "/by"), String.join(" ", policies));
  }
}
