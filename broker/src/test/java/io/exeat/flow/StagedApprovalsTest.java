package io.exeat.flow;

import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.approve.ApprovalRequest;
import io.exeat.audit.AuditEvent;
import io.exeat.base.DecisionId;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Arguments;
import io.exeat.policy.Decision;
import io.exeat.policy.Door;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.Question;
import io.exeat.policy.Reason;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * With the yes that policy asked for, it asks for another: both are for the same call, and it needs
 * both at a time.
 */
class StagedApprovalsTest {
  private static final Duration SOON = Duration.ofMinutes(5);
  private static final Duration LATER = Duration.ofMinutes(30);
  private static final SpiffeId ANN_ID = SpiffeId.parse("spiffe://example.org/human/ann");
  private static final Approver ANN = new Approver(ANN_ID);
  private static final Approver ROOT = new Approver(new Operator("uid 0"));
  private static final Approver BOB =
      new Approver(new Operator(SpiffeId.parse("spiffe://example.org/human/bob")));

  /** First the owner's, then an operator's; after an own call in between, for another reason. */
  private static final String OWNER_THEN_OPERATOR =
      """
      @id("all") permit (principal, action, resource);
      @id("first") @ask("owner") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.arguments.hasTag("cents") }
      unless { context.approvals.contains("owner") };
      @id("then") @ask("operator") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.approvals.contains("owner") && context.history.calls < 2 }
      unless { context.approvals.contains("operator") };
      @id("then-too") @ask("operator") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.approvals.contains("owner") && context.history.calls > 1 }
      unless { context.approvals.contains("operator") };
      """;

  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private final OperatorRequests desk = stage.office.desk();

  @BeforeEach
  void policies() {
    stage.policy = PolicyEngines.of(OWNER_THEN_OPERATOR);
    stage.approvers(Set.of(ANN.who(), "uid 0"));
    stage.tools("internal", Set.of("orders.find"), Map.of());
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void theSecondIsAskedForWhenTheFirstIsGivenAndThenItPasses() {
    TaskId task = open();
    Judged first = call(task, 12);
    assertThat(asked(first)).containsExactly("owner");
    desk.approve(ANN, first.id(), SOON, "known order");

    Judged second = call(task, 12);
    assertThat(asked(second)).containsExactly("operator");
    assertThat(waiting(BOB).missing()).containsExactly("operator");
    assertThat(waiting(BOB).because()).extracting(Reason::policy).containsExactly("first", "then");
    assertThat(waiting(ANN)).isEqualTo(waiting(BOB));
    assertThat(waiting(BOB).id()).isEqualTo(second.id());
    desk.approve(BOB, second.id(), SOON, "checked");
    assertThat(call(task, 12).decision().word()).isEqualTo("permit");
    assertThat(asked(call(task, 12))).containsExactly("owner");

    List<String> kinds = stage.audit.events().stream().map(AuditEvent::kind).toList();
    assertThat(kinds)
        .containsSubsequence("approval.given", "approval.given", "approval.used", "policy.decided");
    List<AuditEvent.Approved> given = events(AuditEvent.Approved.class).toList();
    assertThat(given)
        .extracting(it -> it.approval().as(), it -> it.because().size())
        .containsExactly(tuple("owner", 1), tuple("operator", 2));
    assertThat(events(AuditEvent.ApprovalUsed.class))
        .extracting(AuditEvent.ApprovalUsed::call)
        .containsExactly(given.get(0).call().sha256())
        .containsExactly(given.get(1).call().sha256());
  }

  @Test
  void bothAreForTheOneCall() {
    TaskId task = open();
    approveBoth(task, 12);

    assertThat(asked(call(task, 13))).containsExactly("owner");
    assertThat(asked(call(open(), 12))).containsExactly("owner");
    assertThat(call(task, 12).decision().word()).isEqualTo("permit");
  }

  @Test
  void aNoToTheSecondEndsTheFirstToo() {
    TaskId task = open();
    desk.approve(ANN, call(task, 12).id(), LATER, "known order");
    desk.reject(BOB, call(task, 12).id(), "not today");

    assertThat(call(task, 12).decision())
        .isInstanceOfSatisfying(
            Decision.Deny.class, it -> assertThat(it.reason()).contains("not today"));
    assertThat(desk.waiting(BOB)).isEmpty();
  }

  @Test
  void theFirstsEndIsNotHelpedByTheSecond() {
    TaskId task = open();
    desk.approve(ANN, call(task, 12).id(), SOON, "known order");
    Judged second = call(task, 12);
    desk.approve(BOB, second.id(), LATER, "checked");
    stage.forward(SOON);

    assertThat(asked(call(task, 12))).containsExactly("owner");
    assertThat(waiting(ANN).missing()).containsExactly("owner");
    desk.approve(ANN, second.id(), SOON, "still");
    assertThat(call(task, 12).decision().word()).isEqualTo("permit");
  }

  /** Who gives the second sees the first's request grow under them: it is another by then. */
  @Test
  void theFirstsNameIsNotTheSeconds() {
    TaskId task = open();
    DecisionId first = call(task, 12).id();
    desk.approve(ANN, first, SOON, "known order");
    assertThat(asked(call(task, 12))).containsExactly("operator");

    assertUnknown(() -> desk.approve(BOB, first, SOON, "what I saw was something else"));
  }

  @Test
  void theSecondIsNotForWhatAnotherPolicyAsks() {
    TaskId task = open();
    assertThat(plain(task)).isEqualTo("permit"); // what it reads is no news after this
    desk.approve(ANN, call(task, 12).id(), SOON, "known order");
    DecisionId second = call(task, 12).id();
    desk.approve(BOB, second, SOON, "as the first call");
    assertThat(plain(task)).isEqualTo("permit"); // from now on another policy asks the operator

    assertThat(asked(call(task, 12))).containsExactly("operator");
    assertThat(waiting(BOB).missing()).containsExactly("operator");
    assertUnknown(() -> desk.approve(BOB, second, SOON, "again"));
    desk.approve(BOB, waiting(BOB).id(), SOON, "as the second call");
    assertThat(call(task, 12).decision().word()).isEqualTo("permit");
  }

  @Test
  void theTwoAreTwoPeoples() {
    TaskId task = open();
    Approver both = new Approver(new Operator(ANN_ID));
    desk.approve(both, call(task, 12).id(), SOON, "as owner");
    DecisionId second = call(task, 12).id();

    assertThatThrownBy(() -> desk.approve(both, second, SOON, "as operator"))
        .hasMessageContaining("Denied");
    assertThat(asked(call(task, 12))).containsExactly("operator");
  }

  /** A uid can say the first when it is the only one; with a second it may be the same person. */
  @Test
  void aUidIsNeitherOfTwoPeople() {
    TaskId task = open();
    desk.approve(ROOT, call(task, 12).id(), SOON, "as owner");
    DecisionId second = call(task, 12).id();

    assertThat(waiting(BOB).missing()).containsExactly("operator", "owner");
    desk.approve(BOB, second, SOON, "as operator");
    assertThat(asked(call(task, 12))).containsExactly("owner");
    assertThatThrownBy(() -> desk.approve(ROOT, second, SOON, "as owner"))
        .hasMessageContaining("a uid names no person");
    desk.approve(ANN, second, SOON, "as owner");
    assertThat(call(task, 12).decision().word()).isEqualTo("permit");
  }

  @Test
  void aStageThatNothingLiftsIsNo() {
    stage.policy = asks(question -> true);
    TaskId task = open();
    desk.approve(ANN, call(task, 12).id(), SOON, "known order");

    assertThat(call(task, 12).decision())
        .isInstanceOfSatisfying(
            Decision.Deny.class, it -> assertThat(it.reason()).contains("asks again"));
  }

  /** What another engine can say: it asks the owner of calls that hold. */
  private static PolicyEngine asks(Predicate<Question> which) {
    return Stage.says(question -> {
      List<Reason> because = List.of(new Reason("r", List.of()));
      return question.tool().isPresent() && which.test(question)
          ? new Decision.Ask(List.of("owner"), because, "ab")
          : new Decision.Permit(because, "ab");
    });
  }

  private void approveBoth(TaskId task, int cents) {
    desk.approve(ANN, call(task, cents).id(), SOON, "known order");
    desk.approve(BOB, call(task, cents).id(), SOON, "checked");
  }

  private ApprovalRequest waiting(Approver who) {
    List<ApprovalRequest> all = desk.waiting(who);
    assertThat(all).hasSize(1);
    return all.getFirst();
  }

  private TaskId open() {
    return broker.open(stage.billing, ask("k" + System.nanoTime(), "orders-read")).task().id();
  }

  private static List<String> asked(Judged judged) {
    assertThat(judged.decision()).isInstanceOf(Decision.Ask.class);
    return ((Decision.Ask) judged.decision()).approvers();
  }

  private Judged call(TaskId task, int cents) {
    return call(task, "cents", cents);
  }

  /** A call that nobody is asked about. */
  private String plain(TaskId task) {
    return call(task, "number", 1).decision().word();
  }

  private Judged call(TaskId task, String argument, int value) {
    Arguments arguments = Arguments.of(JsonNodeFactory.instance.objectNode().put(argument, value));
    Judged judged = broker.judge(stage.billing, task, Act.call("orders.find", arguments, Door.MCP));
    judged.allowed().ifPresent(Allowed::done);
    return judged;
  }

  private <E extends AuditEvent> Stream<E> events(Class<E> kind) {
    return stage.audit.events().stream().filter(kind::isInstance).map(kind::cast);
  }

  private static void assertUnknown(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("NoSuchApproval");
  }
}
