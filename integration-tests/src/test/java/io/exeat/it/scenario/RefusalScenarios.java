package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.Status;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Who and what gets nothing, and leaves nothing half done. */
abstract class RefusalScenarios extends Scenarios {
  private static final List<String> HOSTILE =
      List.of(
          "..",
          "../../sys/mounts",
          "a/b",
          "*",
          "+",
          "%2e%2e",
          "nul\u0000byte",
          "line\nfeed",
          "\u043erders-read", // Cyrillic
          "orders\u2010read", // another hyphen
          "orders-read\u200b", // zero width
          "'; DROP ROLE vaultadmin; --",
          "{{identity.entity.id}}",
          "${jndi:ldap://127.0.0.1/x}",
          "a".repeat(5000));

  RefusalScenarios(Deployment.Form form) {
    super(form);
  }

  @Test
  void aProcessThatNobodyRegisteredGetsNothing() {
    Task task = client.open(Stage.READ);
    try (AgentProcess stranger = AgentProcess.start(deployment.socket(), Optional.empty())) {
      for (String order :
          List.of(
              "open " + Stage.READ,
              "get " + task.getId(),
              "issue " + task.getId() + " " + Stage.READ,
              "complete " + task.getId(),
              "cancel " + task.getId())) {
        assertThat(stranger.does(order)).startsWith("refused UNAUTHENTICATED UNATTESTED");
      }
    }
    assertThat(get(task).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
    assertThat(outside.roles()).isEmpty();
    var _ = complete(task);
  }

  @Test
  void anotherUserGetsNothing() {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    try (AgentProcess stranger =
        AgentProcess.start(deployment.socket(), Optional.of(OtherUser.STRANGER))) {
      assertThat(stranger.does("open " + Stage.READ))
          .startsWith("refused UNAUTHENTICATED UNATTESTED");
    }
    assertThat(outside.roles()).isEmpty();
  }

  @Test
  void anotherAgentsTaskIsAsIfItWereNotThere() {
    Task task = client.open(Stage.READ);
    var credential = client.issue(task, Stage.READ);
    try (AgentProcess other = agent(Stage.OTHER)) {
      String own = other.may("open " + Stage.READ).getFirst();
      for (String order :
          List.of(
              "get " + task.getId(),
              "issue " + task.getId() + " " + Stage.READ,
              "scope " + task.getId() + " 1 " + Stage.READ,
              "complete " + task.getId(),
              "cancel " + task.getId())) {
        assertThat(other.does(order)).as(order).startsWith("refused NOT_FOUND NO_SUCH_TASK");
      }
      assertThat(other.does("get t00000000000000000000"))
          .startsWith("refused NOT_FOUND NO_SUCH_TASK");
      assertThat(other.does("open " + Stage.WRITE))
          .startsWith("refused PERMISSION_DENIED OUTSIDE_CEILING");
      assertThat(other.does("complete " + own)).isEqualTo("ok TASK_STATE_ENDED");
    }
    assertThat(outside.roles()).containsExactly(credential.getDatabase().getUsername());
    assertThat(outside.login(credential.getDatabase())).isEmpty();
    var _ = complete(task);
  }

  @Test
  void anotherProcessOfTheSameAgentDoesNotHaveItsTasks() {
    Task task = client.open(Stage.READ);
    try (AgentProcess twin = agent(Stage.AGENT)) {
      assertThat(twin.does("get " + task.getId())).startsWith("refused NOT_FOUND NO_SUCH_TASK");
      assertThat(twin.does("issue " + task.getId() + " " + Stage.READ))
          .startsWith("refused NOT_FOUND NO_SUCH_TASK");
    }
    assertThat(get(task).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
    assertThat(outside.roles()).isEmpty();
    var _ = complete(task);
  }

  @Test
  void whatIsOutsideTheCeilingIsRefusedByItsName() {
    refused(ask -> ask.addScope("payroll-read"), "OUTSIDE_CEILING", "what", "payroll-read");
    refused(ask -> ask.addScope("no-such-grant"), "OUTSIDE_CEILING", "what", "no-such-grant");
    refused(ask -> ask.setIntent("rob-the-bank"), "OUTSIDE_CEILING", "what", "rob-the-bank");
    refused(
        ask -> ask.setLifetime(Duration.newBuilder().setSeconds(3600)),
        "OUTSIDE_CEILING",
        "what",
        "lifetime");
    Task task = client.open(Stage.READ);
    ChangeScopeRequest wider = LeaveScenarios.scope(task, Stage.READ, "payroll-read");
    assertThat(Refusal.of(() -> client.tasks().changeScope(wider)).reason())
        .isEqualTo("OUTSIDE_CEILING");
    assertThat(Refusal.of(() -> client.issue(task, Stage.WRITE)).reason())
        .isEqualTo("OUT_OF_SCOPE");
    assertThat(get(task).getEpoch()).isEqualTo(1);
    var _ = complete(task);
    Task proxied = client.open("orders-proxied");
    assertThat(Refusal.of(() -> client.issue(proxied, "orders-proxied")).reason())
        .isEqualTo("DENIED");
    var _ = complete(proxied);
    assertThat(outside.roles()).isEmpty();
  }

  @Test
  void anEndedTaskDoesNothingMore() {
    Task task = client.open(Stage.READ);
    var _ = complete(task);
    assertThat(Refusal.of(() -> client.issue(task, Stage.READ)).reason()).isEqualTo("TASK_ENDED");
    ChangeScopeRequest change = LeaveScenarios.scope(task, Stage.READ);
    assertThat(Refusal.of(() -> client.tasks().changeScope(change)).reason())
        .isEqualTo("TASK_ENDED");
    assertThat(complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    assertThat(outside.roles()).isEmpty();
  }

  @Test
  void everyStringIsReadStrictly() {
    Task task = client.open();
    long tokens = epochTokens();
    for (String hostile : HOSTILE) {
      refused(ask -> ask.setIntent(hostile), "MALFORMED", "field", "intent");
      refused(ask -> ask.addScope(hostile), "MALFORMED", "field", "scope");
      refused(ask -> ask.setIdempotencyKey(hostile + "/"), "MALFORMED", "field", "idempotency_key");
      refused(ask -> ask.putParameters(hostile, "1"), "MALFORMED", "field", "parameters");
      refused(
          ask -> ask.putParameters("ticket", hostile), "MALFORMED", "field", "parameters.ticket");
      malformedIds(task, hostile);
    }
    refused(ask -> ask.setNote("a".repeat(4097)), "MALFORMED", "field", "note");
    refused(ask -> ask.setNote("bell\u0007"), "MALFORMED", "field", "note");
    refused(OpenRequest.Builder::clearParameters, "MALFORMED", "field", "parameters.ticket");
    refused(OpenRequest.Builder::clearIdempotencyKey, "MALFORMED", "field", "idempotency_key");
    for (long seconds : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 366L * 86_400 + 1}) {
      refused(
          ask -> ask.setLifetime(Duration.newBuilder().setSeconds(seconds)),
          "MALFORMED",
          "field",
          "lifetime");
    }
    refused(
        ask -> ask.setLifetime(Duration.newBuilder().setSeconds(1).setNanos(-1)),
        "MALFORMED",
        "field",
        "lifetime");
    assertThat(outside.roles()).isEmpty();
    assertThat(epochTokens()).as("tokens in Vault").isEqualTo(tokens);
    var _ = complete(task);
  }

  private void malformedIds(Task task, String hostile) {
    List<Runnable> calls =
        List.of(
            () ->
                client.tasks().get(io.exeat.v1.GetRequest.newBuilder().setTaskId(hostile).build()),
            () -> client.tasks().cancel(CancelRequest.newBuilder().setTaskId(hostile).build()),
            () -> client.credentials().issue(IssueRequest.newBuilder().setTaskId(hostile).build()),
            () ->
                client
                    .credentials()
                    .release(
                        ReleaseRequest.newBuilder()
                            .setTaskId(task.getId())
                            .setCredentialId(hostile)
                            .build()));
    for (Runnable call : calls) {
      Refusal refusal = Refusal.of(call);
      assertThat(refusal.code()).as(hostile).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(refusal.reason()).isEqualTo("MALFORMED");
      assertThat(refusal.text()).as("what is hostile is not repeated").doesNotContain(hostile);
    }
  }

  @Test
  void operatorsAreReadStrictlyToo() {
    for (String id :
        List.of(
            "spiffe://",
            "spiffe://example.org",
            "spiffe://EXAMPLE.org/host/h1/agent/clerk",
            "spiffe://example.org/host/../agent/clerk",
            "spiffe://example.org//agent",
            "spiffe://example.org/agent/",
            "https://example.org/agent",
            "spiffe://example.org:8080/agent",
            "spiffe://example.org/agent?x=1",
            "spiffe://example.org/ag\u00e9nt",
            "spiffe://example.org/" + "a".repeat(3000))) {
      Refusal refusal =
          Refusal.of(
              () -> operator.admin().revoke(RevokeRequest.newBuilder().setAgent(id).build()));
      assertThat(refusal.reason()).as(id).isEqualTo("MALFORMED");
      assertThat(refusal.fields()).containsEntry("field", "agent");
      Refusal listed =
          Refusal.of(() -> operator.admin().list(ListRequest.newBuilder().setAgent(id).build()));
      assertThat(listed.reason()).as(id).isEqualTo("MALFORMED");
    }
    for (String lease : List.of("../sys", "a//b", "*", "a\u0000", "database/creds/../x")) {
      Refusal refusal =
          Refusal.of(
              () -> operator.admin().revoke(RevokeRequest.newBuilder().setLease(lease).build()));
      assertThat(refusal.reason()).as(lease).isEqualTo("MALFORMED");
    }
    Refusal nothing = Refusal.of(() -> operator.admin().revoke(RevokeRequest.getDefaultInstance()));
    assertThat(nothing.fields()).containsEntry("field", "what");
  }

  @Test
  void aMessageOfAMegabyteIsNotRead() {
    Refusal refusal =
        Refusal.of(() -> client.tasks().open(Client.asking().setNote("a".repeat(1 << 20)).build()));
    assertThat(refusal.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    // The connection, or the next one, is as good as before.
    var _ = complete(client.open());
  }

  private void refused(
      Consumer<OpenRequest.Builder> change, String reason, String field, String value) {
    OpenRequest.Builder ask = Client.asking(Stage.READ);
    change.accept(ask);
    Refusal refusal = Refusal.of(() -> client.tasks().open(ask.build()));
    assertThat(refusal.reason()).as(refusal.toString()).isEqualTo(reason);
    assertThat(refusal.fields().getOrDefault(field, "")).contains(value);
  }

  /** All that Vault has made for tasks of this catalogue's agents. */
  private long epochTokens() {
    return stage.vault().call("LIST", "auth/token/accessors", Map.of()).data().path("keys").size();
  }
}
