package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whoever runs tools for an agent asks before each. */
abstract class DecisionScenarios extends Scenarios {
  /** Why standard agents may, as the engine names it. */
  private final String standard;

  DecisionScenarios(Deployment.Form form) {
    super(form);
    this.standard = "standard (agent.tier)";
  }

  /**
   * @param standard the policy that permits standard agents, as the engine of {@code deployment}
   *     names it
   */
  DecisionScenarios(Deployment deployment, String standard) {
    super(deployment);
    this.standard = standard;
  }

  private static CheckRequest check(Task task, String grant) {
    return CheckRequest.newBuilder()
        .setTaskId(task.getId())
        .setGrant(grant)
        .setArgumentsJson("{\"customer\":\"Ada\"}")
        .build();
  }

  @Test
  void whatIsInScopeIsPermittedAndWhatIsNotIsRefused() throws IOException {
    boolean here = deployment.form() == Deployment.Form.ALL_IN_ONE;
    String seenAs = here ? "process" : "mtls";
    Task task = client.open(Stage.READ);

    CheckResponse permit = client.decisions().check(check(task, Stage.READ));

    assertThat(permit.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(permit.getBecauseList()).containsExactly(standard);
    assertThat(permit.getPolicySha256()).hasSize(64);
    assertThat(Files.readString(chain()))
        .contains("\"decision\":\"" + permit.getDecisionId())
        .contains("\"kind\":\"" + seenAs + "\",\"trust_domain\":\"example.org\"");
    Refusal refused = Refusal.of(() -> client.decisions().check(check(task, Stage.WRITE)));
    assertThat(refused.reason()).isEqualTo("OUT_OF_SCOPE");
  }

  @Test
  void manyAreAnsweredOverOneStreamUntilTheTaskEnds() throws Exception {
    Task task = client.open(Stage.READ);
    List<Verdict> verdicts = new ArrayList<>();
    CompletableFuture<Throwable> end = new CompletableFuture<>();
    CompletableFuture<Void> three = new CompletableFuture<>();
    StreamObserver<CheckRequest> asking =
        client
            .manyDecisions()
            .checkAll(
                new StreamObserver<>() {
                  @Override
                  public void onNext(CheckResponse answer) {
                    verdicts.add(answer.getVerdict());
                    if (verdicts.size() == 3) {
                      three.complete(null);
                    }
                  }

                  @Override
                  public void onError(Throwable thrown) {
                    end.complete(thrown);
                  }

                  @Override
                  public void onCompleted() {
                    end.complete(new IllegalStateException("it went on to the end"));
                  }
                });
    for (int i = 0; i < 3; i++) {
      asking.onNext(check(task, Stage.READ));
    }
    var _ = three.get(20, TimeUnit.SECONDS);
    var _ = complete(task);
    asking.onNext(check(task, Stage.READ));
    asking.onCompleted();

    assertThat(Refusal.of((StatusRuntimeException) end.get(20, TimeUnit.SECONDS)).reason())
        .isEqualTo("TASK_ENDED");
    assertThat(verdicts)
        .containsExactly(Verdict.VERDICT_PERMIT, Verdict.VERDICT_PERMIT, Verdict.VERDICT_PERMIT);
  }

  /** The policies that ship ask an operator for a risk of 90 and more. */
  @Test
  void whatNeedsAYesIsPermittedOnceAnOperatorSaidIt() throws IOException {
    Task task = client.open(Stage.WRITE);
    CheckRequest refund =
        CheckRequest.newBuilder()
            .setTaskId(task.getId())
            .setTool("orders.refund")
            .setArgumentsJson("{\"to\":\"Ada\\u001b[2J\",\"cents\":1200}")
            .build();
    CheckResponse asked = client.decisions().check(refund);
    assertThat(asked.getVerdict()).isEqualTo(Verdict.VERDICT_ASK);
    assertThat(asked.getApproversList()).containsExactly("operator");
    assertThat(asked.getReason()).contains(asked.getDecisionId());
    Exeat people = Exeat.asOperator().with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket());

    Said list = people.run("approval", "list");
    assertThat(list.out())
        .contains(asked.getDecisionId(), "orders.refund", "1200", "Ada\\u001B[2J", "operator")
        .doesNotContain("\u001b");
    Said yes = people.run("approval", "approve", asked.getDecisionId(), "--reason", "checked");
    if (deployment.form()
        == Deployment.Form.ALL_IN_ONE) { // the agent's uid is the operator's: ours
      assertThat(yes.code()).as("%s", yes).isEqualTo(1);
      assertThat(yes.err()).contains("nor does its uid");
      assertThat(client.decisions().check(refund).getVerdict()).isEqualTo(Verdict.VERDICT_ASK);
      return;
    }
    assertThat(yes.code()).as("%s", yes).isZero();
    assertThat(yes.out()).contains("a uid's yes is void");

    CheckResponse permit = client.decisions().check(refund);
    assertThat(permit.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(Files.readString(chain()))
        .contains(
            "\"asked\":\"" + asked.getDecisionId() + "\",\"decision\":\"" + permit.getDecisionId());
    CheckResponse again = client.decisions().check(refund);
    assertThat(again.getVerdict()).isNotEqualTo(Verdict.VERDICT_PERMIT);
    Said no = people.run("approval", "approve", asked.getDecisionId(), "--reason", "again");
    assertThat(no.code()).as("%s", no).isEqualTo(1);
    assertThat(no.err()).contains("exeat approval list");
  }

  /** What a broker recorded, decided again under another policy. */
  @Test
  void whatWasDecidedCanBeDecidedAgainUnderOtherPolicies() throws IOException {
    Task task = client.open(Stage.READ);
    String decision = client.decisions().check(check(task, Stage.READ)).getDecisionId();
    Path others = stage.newFolder("policies");
    Files.writeString(
        others.resolve("other.cedar"),
        """
        @id("all") permit (principal, action, resource);
        @id("not-ada") @reason("not for Ada") forbid (principal, action == Exeat::Action::"call", resource)
        when { context.arguments.hasTag("customer") && context.arguments.getTag("customer") == "Ada" };
        """);

    String same = Packaged.run("policy", "replay", "--audit", audit().toString());
    String other =
        Packaged.run(
            "policy", "replay", "--audit", audit().toString(), "--folder", others.toString());

    assertThat(same).endsWith(" decisions, 0 would be decided otherwise\n");
    assertThat(other.lines())
        .anyMatch(line ->
            line.startsWith(
                    decision + " clerk call on orders-read: was permit by [" + standard + "]")
                && line.contains("would be deny (not for Ada)"));
  }

  private Path audit() {
    return deployment.folder().resolve("audit");
  }

  private Path chain() throws IOException {
    try (var files = Files.list(audit())) {
      return files
          .filter(file -> file.toString().endsWith(".jsonl"))
          .max(java.util.Comparator.naturalOrder())
          .orElseThrow();
    }
  }
}
