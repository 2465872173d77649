package io.exeat.flow;

import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.audit.AuditEvent;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Answer;
import io.exeat.policy.Arguments;
import io.exeat.policy.Decision;
import io.exeat.policy.Door;
import io.exeat.policy.PolicyEngine;
import io.exeat.task.Step;
import io.exeat.task.Tool;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a task did decides what it may do: told by the broker's own record of the questions. */
class HistoryTest {
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();

  @BeforeEach
  void tools() {
    stage.tools(
        "personal",
        Set.of("web.search", "orders.find", "orders.mark", "orders.drop", "mail.send"),
        Map.of(
            "web.search", new Tool("web.search", Step.RETRIEVE, true, Optional.empty(), 10),
            "orders.find", new Tool("orders.find", Step.RETRIEVE, false, Optional.empty(), 10),
            "orders.mark", new Tool("orders.mark", Step.EXECUTE, false, Optional.empty(), 10),
            "orders.drop", new Tool("orders.drop", Step.ADMINISTER, false, Optional.empty(), 10),
            "mail.send",
                new Tool("mail.send", Step.EXECUTE, false, Optional.of("mail.example.com"), 10)));
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void afterReadingFromOutsideLessIsAllowed() {
    TaskId task = open();
    assertThat(call(task, "orders.mark")).isEqualTo("permit");
    assertThat(call(task, "web.search")).isEqualTo("permit");
    assertThat(call(task, "orders.find")).isEqualTo("permit");
    assertThat(call(task, "orders.mark")).isEqualTo("ask");
    assertThat(call(task, "orders.drop")).isEqualTo("deny");
  }

  @Test
  void theAgentIsAskedAboutAsTheDoorSawIt() {
    TaskId task = open();
    assertThat(call(task, "orders.find")).isEqualTo("permit");
    assertThat(lastQuestion("agent"))
        .contains(
            "\"attestation\":{\"gid\":1002,\"kind\":\"process\",\"trust_domain\":\"example.org\",\"uid\":1001}");
  }

  @Test
  void fromLookingToDoingToAdministeringNeedsAYes() {
    TaskId task = open();
    assertThat(call(task, "orders.drop")).isEqualTo("permit");
    assertThat(call(task, "orders.find")).isEqualTo("permit");
    assertThat(call(task, "orders.mark")).isEqualTo("permit");
    assertThat(call(task, "orders.drop")).isEqualTo("ask");
  }

  @Test
  void sensitiveDataThatWasReadDoesNotLeave() {
    TaskId task = open();
    assertThat(call(task, "mail.send")).isEqualTo("permit");
    assertThat(call(task, "mail.send")).isEqualTo("deny");
  }

  @Test
  void anotherTaskBeginsAnew() {
    assertThat(call(open(), "web.search")).isEqualTo("permit");
    assertThat(call(open(), "orders.mark")).isEqualTo("permit");
  }

  @Test
  void repeatsAndBranchesCountTogether() {
    TaskId task = open();
    broker.judge(stage.billing, task, act("orders.find")); // under way: nobody says it is done
    broker.judge(stage.billing, task, act("orders.find")).orThrow().done();
    broker.judge(stage.billing, task, act("orders.find")).orThrow().done();
    assertThat(lastQuestion("history"))
        .contains("\"calls\":2", "\"retries\":1", "\"branches\":1", "retrieve:orders.find");
  }

  @Test
  void whatWasDeniedDoesNotCountAsDone() {
    TaskId task = open();
    assertThat(call(task, "web.search")).isEqualTo("permit");
    assertThat(call(task, "orders.drop")).isEqualTo("deny");
    assertThat(call(task, "orders.find")).isEqualTo("permit");
    assertThat(lastQuestion("history"))
        .contains("\"calls\":1", "\"denials\":1", "\"branches\":0")
        .doesNotContain("administer");
  }

  @Test
  void whatNobodyCouldDecideIsNoDenial() {
    TaskId task = open();
    PolicyEngine shipped = stage.policy;
    stage.policy = Stage.says(_ -> new Decision.Failed("it is away", ""));
    for (int i = 0; i < 150; i++) {
      assertThat(call(task, "orders.find")).isEqualTo("failed");
    }
    stage.policy = shipped;
    assertThat(call(task, "orders.find")).isEqualTo("permit");
    assertThat(lastQuestion("history"))
        .contains("\"calls\":0", "\"denials\":0", "\"branches\":0", "\"retries\":0");
  }

  @Test
  void aToolThatNoGrantOfTheScopeNamesIsOutOfScope() {
    TaskId task = open();
    assertThatThrownBy(() -> broker.judge(stage.billing, task, act("shell.run")))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("OutOfScope");
  }

  @Test
  void whatIsNotOnRecordIsNotPermitted() {
    TaskId task = open();
    stage.audit.breakDown("disk full");
    assertThatThrownBy(() -> broker.judge(stage.billing, task, act("orders.find")))
        .hasMessageContaining("AUDIT");
  }

  @Test
  void theMemoryOfATaskIsBounded() {
    TaskId task = open();
    for (int i = 0; i < 2_000; i++) {
      Arguments arguments = Arguments.of(JsonNodeFactory.instance.objectNode().put("n", i));
      broker.check(stage.billing, task, Act.call("orders.find", arguments, Door.MCP)).done();
    }
    assertThat(lastQuestion("history")).contains("\"calls\":1999").hasSizeLessThan(2_000);
  }

  private TaskId open() {
    return broker.open(stage.billing, ask("k" + System.nanoTime(), "orders-read")).task().id();
  }

  private String call(TaskId task, String tool) {
    Judged judged = broker.judge(stage.billing, task, act(tool));
    judged.allowed().ifPresent(Allowed::done);
    return judged.decision().word();
  }

  private static Act act(String tool) {
    return Act.call(tool, Arguments.NONE, Door.MCP);
  }

  private String lastQuestion(String part) {
    return lastQuestion(stage, part);
  }

  /** Of the last permit on record. */
  static String lastQuestion(Stage stage, String part) {
    return stage.audit.events().stream()
        .filter(AuditEvent.Decided.class::isInstance)
        .map(AuditEvent.Decided.class::cast)
        .flatMap(it -> it.answers().stream())
        .filter(it -> it.decision() instanceof Decision.Permit)
        .map(Answer::question)
        .reduce((one, other) -> other)
        .orElseThrow()
        .path(part)
        .toString();
  }
}
