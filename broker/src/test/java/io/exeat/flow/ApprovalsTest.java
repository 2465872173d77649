package io.exeat.flow;

import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.approve.ApprovalRequest;
import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.base.DecisionId;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Arguments;
import io.exeat.policy.Decision;
import io.exeat.policy.Door;
import io.exeat.task.EndCause;
import io.exeat.task.Step;
import io.exeat.task.Tool;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A yes is for one call, once, for a short time, and a person's. The policies that ship ask an
 * operator for a risk of 90, and the owner for what is executed after something from outside.
 */
class ApprovalsTest {
  private static final Duration SOON = Duration.ofMinutes(5);
  private static final Approver OPS = new Approver(new Operator("uid 0"));
  private static final Approver ANN =
      new Approver(SpiffeId.parse("spiffe://example.org/human/ann"));
  private static final Approver BOB =
      new Approver(SpiffeId.parse("spiffe://example.org/human/bob"));

  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private final OperatorRequests desk = stage.office.desk();

  @BeforeEach
  void tools() {
    stage.tools(
        "internal",
        Set.of("web.search", "orders.find", "orders.refund", "orders.void", "orders.drop"),
        Map.of(
            "web.search", new Tool("web.search", Step.RETRIEVE, true, Optional.empty(), 10),
            "orders.find", new Tool("orders.find", Step.RETRIEVE, false, Optional.empty(), 10),
            "orders.drop", new Tool("orders.drop", Step.ADMINISTER, false, Optional.empty(), 95),
            "orders.refund", new Tool("orders.refund", Step.EXECUTE, false, Optional.empty(), 95),
            "orders.void", new Tool("orders.void", Step.EXECUTE, false, Optional.empty(), 20)));
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void aYesPermitsTheCallOnceAndIsOnRecordBeforeAndAfter() {
    TaskId task = open();
    Judged asked = call(task, "orders.refund", 12);
    assertThat(asked.decision()).isInstanceOf(Decision.Ask.class);
    ApprovalRequest waits = desk.waiting(OPS).getFirst();
    assertThat(waits.missing()).containsExactly("operator");
    assertThat(waits.questions().getFirst().at("/arguments/numbers/cents").asInt()).isEqualTo(12);

    desk.approve(OPS, asked.id(), SOON, "checked");
    assertThat(word(task, "orders.refund", 12)).isEqualTo("permit");
    assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");

    List<String> kinds = stage.audit.events().stream().map(AuditEvent::kind).toList();
    assertThat(kinds).containsSubsequence("approval.given", "approval.used", "policy.decided");
    AuditEvent.Approved yes = only(AuditEvent.Approved.class);
    AuditEvent.ApprovalUsed used = only(AuditEvent.ApprovalUsed.class);
    assertThat(yes.asked()).isEqualTo(asked.id());
    assertThat(yes.approval().by()).isEqualTo("uid 0");
    assertThat(used.call()).isEqualTo(yes.call().sha256());
    assertThat(yes.call()).isEqualTo(waits.call());
    assertThat(HistoryTest.lastQuestion(stage, "approvals")).isEqualTo("[\"operator\"]");
  }

  @Test
  void anotherCallIsNotMeant() {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");

    assertThat(word(task, "orders.refund", 1200)).isEqualTo("ask");
    assertThat(word(open(), "orders.refund", 12)).isEqualTo("ask");
    assertThat(word(task, "orders.refund", 12)).isEqualTo("permit");
  }

  @Test
  void whatTheTaskReadsAfterTheYesTakesItBack() {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    assertThat(word(task, "web.search", 1)).isEqualTo("permit");

    assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");
  }

  @Test
  void whatTheTaskIsFirstSeenToReadAfterTheYesTakesItBack() {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    assertThat(word(task, "orders.find", 1)).isEqualTo("permit");

    assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");
  }

  @Test
  void aCallOfTheSameKindInBetweenTakesNothingBack() {
    TaskId task = open();
    assertThat(word(task, "orders.find", 1)).isEqualTo("permit");
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    assertThat(word(task, "orders.find", 2)).isEqualTo("permit");

    assertThat(word(task, "orders.refund", 12)).isEqualTo("permit");
  }

  @Test
  void aYesIsVoidAfterItsTimeAndARequestAfterAnHour() {
    TaskId task = open(Duration.ofHours(1));
    DecisionId asked = call(task, "orders.refund", 12).id();
    desk.approve(OPS, asked, SOON, "checked");
    stage.forward(SOON);
    assertThat(desk.waiting(OPS).getFirst().missing()).containsExactly("operator");
    Judged again = call(task, "orders.refund", 12);
    assertThat(again.decision()).isInstanceOf(Decision.Ask.class);

    stage.forward(Duration.ofMinutes(55));
    assertThat(desk.waiting(OPS)).isEmpty();
    assertUnknown(() -> desk.approve(OPS, asked, SOON, "late"));
    assertUnknown(() -> desk.approve(OPS, again.id(), SOON, "late"));
  }

  @Test
  void repeatsAreOneRequestUnderEachDecisionsName() {
    TaskId task = open();
    Judged first = call(task, "orders.refund", 12);
    Judged second = call(task, "orders.refund", 12);
    assertThat(desk.waiting(OPS)).hasSize(1);

    desk.approve(OPS, second.id(), SOON, "checked");
    assertUnknown(() -> desk.approve(OPS, DecisionId.random(), SOON, "guessed"));
    assertThat(word(task, "orders.refund", 12)).isEqualTo("permit");
    assertUnknown(() -> desk.approve(OPS, first.id(), SOON, "used"));
  }

  @Test
  void waitingForPeopleIsNoDenial() {
    TaskId task = open();
    for (int i = 0; i < 200; i++) { // a hundred denials end everything
      assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");
    }
    assertThat(word(task, "orders.find", 1)).isEqualTo("permit");
    assertThat(HistoryTest.lastQuestion(stage, "history"))
        .contains("\"denials\":0", "\"calls\":0", "\"branches\":0");
  }

  @Test
  void aNoIsToldAndHoldsForTheCall() {
    TaskId task = open();
    DecisionId asked = call(task, "orders.refund", 12).id();
    desk.approve(OPS, asked, SOON, "checked");
    desk.reject(BOB_AS_OPERATOR, asked, "not this customer");

    Judged told = call(task, "orders.refund", 12);
    assertThat(told.decision())
        .isInstanceOfSatisfying(
            Decision.Deny.class,
            it -> assertThat(it.reason()).contains("human/bob", "not this customer"));
    assertThat(desk.waiting(OPS)).isEmpty();
    assertUnknown(() -> desk.approve(OPS, asked, SOON, "still"));
    assertThat(word(task, "orders.refund", 13)).isEqualTo("ask");
  }

  private static final Approver BOB_AS_OPERATOR =
      new Approver(new Operator(SpiffeId.parse("spiffe://example.org/human/bob")));

  @Test
  void theOwnersYesIsTheOwnersAlone() {
    TaskId task = open();
    assertThat(word(task, "web.search", 1)).isEqualTo("permit");
    DecisionId asked = call(task, "orders.void", 1).id();

    assertThat(desk.waiting(ANN)).hasSize(1);
    assertThat(desk.waiting(BOB)).isEmpty();
    assertUnknown(() -> desk.approve(BOB, asked, SOON, "I am nobody"));
    assertUnknown(() -> desk.reject(BOB, asked, "I am nobody"));
    assertThatThrownBy(() -> desk.approve(OPS, asked, SOON, "I am no owner"))
        .hasMessageContaining("Denied")
        .hasMessageContaining("owner");
    assertThat(word(task, "orders.void", 1)).isEqualTo("ask");

    desk.approve(ANN, asked, SOON, "known order");
    assertThat(word(task, "orders.void", 1)).isEqualTo("permit");
  }

  @Test
  void twoYesesAreTwoPeoples() {
    TaskId task = open();
    assertThat(word(task, "web.search", 1)).isEqualTo("permit");
    Judged asked = call(task, "orders.refund", 12);
    assertThat(asked.decision())
        .isInstanceOfSatisfying(
            Decision.Ask.class,
            it -> assertThat(it.approvers()).containsExactly("operator", "owner"));
    Approver both = new Approver(new Operator(ANN.svid().orElseThrow()));

    desk.approve(both, asked.id(), SOON, "as owner");
    assertThatThrownBy(() -> desk.approve(both, asked.id(), SOON, "and as operator"))
        .hasMessageContaining("Denied");
    assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");
    assertThatThrownBy(() -> desk.approve(OPS, asked.id(), SOON, "a uid is nobody"))
        .hasMessageContaining("Denied");
    desk.approve(BOB_AS_OPERATOR, asked.id(), SOON, "as operator");
    assertThat(word(task, "orders.refund", 12)).isEqualTo("permit");
  }

  @Test
  void anAgentDoesNotApproveItself() {
    TaskId task = open();
    Judged asked = call(task, "orders.refund", 12);

    assertThatThrownBy(
            () -> desk.approve(new Approver(new Operator(Stage.BILLING)), asked.id(), SOON, "me"))
        .hasMessageContaining("an agent approves nothing");
    assertThatThrownBy(
            () -> desk.approve(new Approver(new Operator(Stage.OTHER)), asked.id(), SOON, "for it"))
        .hasMessageContaining("an agent approves nothing");
    assertThatThrownBy(
            () -> desk.approve(new Approver(new Operator("uid 1001")), asked.id(), SOON, "its uid"))
        .hasMessageContaining("nor does its uid");
    assertUnknown(() -> desk.approve(new Approver(Stage.BILLING), asked.id(), SOON, "me"));
  }

  @Test
  void whatIsNotOnRecordIsNoYes() {
    TaskId task = open();
    DecisionId asked = call(task, "orders.refund", 12).id();
    stage.audit.breakDown("disk full");
    assertThatThrownBy(() -> desk.approve(OPS, asked, SOON, "checked"))
        .hasMessageContaining("AUDIT");
    stage.audit.mend();

    assertThat(word(task, "orders.refund", 12)).isEqualTo("ask");
  }

  @Test
  void ofCallsAtOnceOneIsPermitted() throws InterruptedException {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    AtomicInteger permitted = new AtomicInteger();
    CountDownLatch together = new CountDownLatch(8);
    List<Thread> callers =
        IntStream.range(0, 8)
            .mapToObj(i ->
                Thread.startVirtualThread(() -> {
                  together.countDown();
                  try {
                    together.await();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                  if (call(task, "orders.refund", 12).allowed().isPresent()) {
                    permitted.incrementAndGet();
                  }
                }))
            .toList();
    for (Thread caller : callers) {
      caller.join();
    }

    assertThat(permitted).hasValue(1);
  }

  @Test
  void anotherPolicyThatAsksTooIsAskedFor() {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    // Another yes of the same word: after retrieving and executing, administering asks an operator.
    assertThat(word(task, "orders.drop", 1)).isEqualTo("ask");
    desk.approve(OPS, call(task, "orders.drop", 1).id(), SOON, "for its risk alone");
    assertThat(word(task, "orders.find", 1)).isEqualTo("permit");
    assertThat(word(task, "orders.void", 1)).isEqualTo("permit");

    assertThat(word(task, "orders.drop", 1)).isEqualTo("ask");
  }

  @Test
  void anOwnerWhoIsNoneAnyMoreHasSaidNothing() {
    TaskId task = open();
    assertThat(word(task, "web.search", 1)).isEqualTo("permit");
    desk.approve(ANN, call(task, "orders.void", 1).id(), SOON, "known order");
    stage.approvers(Set.of(BOB.who()));

    assertThat(word(task, "orders.void", 1)).isEqualTo("ask");
    stage.approvers(Set.of(ANN.who()));
    assertThat(word(task, "orders.void", 1)).isEqualTo("permit");
  }

  @Test
  void whatNobodyCanSayIsNotWaitedFor() {
    stage.approvers(Set.of());
    TaskId task = open();
    assertThat(word(task, "web.search", 1)).isEqualTo("permit");

    assertThat(call(task, "orders.void", 1).decision())
        .isInstanceOfSatisfying(
            Decision.Deny.class, it -> assertThat(it.reason()).contains("names no approvers"));
    assertThat(desk.waiting(OPS)).isEmpty();
  }

  @Test
  void whatATaskAskedForGoesWithIt() {
    TaskId task = open();
    DecisionId asked = call(task, "orders.refund", 12).id();
    broker.end(stage.billing, task, EndCause.COMPLETED, "", Duration.ofSeconds(5));

    assertThat(desk.waiting(OPS)).isEmpty();
    assertUnknown(() -> desk.approve(OPS, asked, SOON, "late"));
  }

  @Test
  void whatNoPersonReadsNoPersonApproves() {
    TaskId task = open();
    ObjectNode many = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < 4; i++) {
      many.put("k" + i, "\u0001".repeat(2_047));
    }
    Judged judged =
        broker.judge(stage.billing, task, Act.call("orders.refund", Arguments.of(many), Door.MCP));

    assertThat(judged.decision().word()).isEqualTo("deny");
    assertThat(desk.waiting(OPS)).isEmpty();
  }

  @Test
  void whoIsKilledHasNothingApproved() {
    TaskId task = open();
    desk.approve(OPS, call(task, "orders.refund", 12).id(), SOON, "checked");
    desk.kill(new Operator("uid 0"), Stage.BILLING, "strange", Duration.ofSeconds(5));

    assertThat(desk.waiting(OPS)).isEmpty();
  }

  @Test
  void anAgentsRequestsAreBounded() {
    TaskId task = open();
    for (int cents = 0; cents < 100; cents++) {
      assertThat(word(task, "orders.refund", cents)).isEqualTo("ask");
    }
    assertThat(desk.waiting(OPS)).hasSize(16);
    assertThat(desk.waiting(OPS).getLast().questions().getFirst().toString())
        .contains("\"cents\":99");
  }

  private TaskId open() {
    return open(Duration.ofMinutes(30));
  }

  private TaskId open(Duration lifetime) {
    OpenTask usual = ask("k" + System.nanoTime(), "orders-read");
    return broker
        .open(
            stage.billing,
            new OpenTask(
                usual.intent(),
                usual.scope(),
                lifetime,
                "",
                usual.idempotencyKey(),
                usual.binding(),
                usual.parent(),
                usual.issue()))
        .task()
        .id();
  }

  private String word(TaskId task, String tool, int cents) {
    return call(task, tool, cents).decision().word();
  }

  private Judged call(TaskId task, String tool, int cents) {
    Peer peer = stage.billing;
    Arguments arguments = Arguments.of(JsonNodeFactory.instance.objectNode().put("cents", cents));
    Judged judged = broker.judge(peer, task, Act.call(tool, arguments, Door.MCP));
    judged.allowed().ifPresent(Allowed::done);
    return judged;
  }

  private <E extends AuditEvent> E only(Class<E> kind) {
    List<E> all = stage.audit.events().stream().filter(kind::isInstance).map(kind::cast).toList();
    assertThat(all).hasSize(1);
    return all.getFirst();
  }

  private static void assertUnknown(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("NoSuchApproval");
  }
}
