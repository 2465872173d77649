package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.task.AgentEntry;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.EndCause;
import io.exeat.task.Grant;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an agent and a grant may have at a time, and that nobody else is made to wait for it. */
class BudgetsTest {
  private static final Budget ENOUGH = new Budget(100, 100, 1000);
  private static final Duration HALF_A_MINUTE = Duration.ofSeconds(30);
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private int key;

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void anAgentThatAsksTooOftenIsToldWhichLimitAndWhenToComeAgain() {
    budgets(new Budget(100, 100, 4), ENOUGH);
    TaskId task = open(stage.billing);
    for (int i = 0; i < 3; i++) {
      issue(stage.billing, task);
    }
    Fault tooOften =
        new Fault.Exhausted("issues a minute of agent billing", 4, Duration.ofSeconds(15));
    refused(tooOften, () -> issue(stage.billing, task));
    refused(tooOften, () -> open(stage.billing));
    assertThat(stage.target.principals()).hasSize(3);
    issue(stage.other, open(stage.other));
    stage.forward(Duration.ofSeconds(15));
    issue(stage.billing, task);
    refused(tooOften, () -> issue(stage.billing, task));
  }

  @Test
  void aRestOfAMinuteGivesAMinutesWorthAndNoMore() {
    budgets(new Budget(100, 100, 4), ENOUGH);
    TaskId task = open(stage.billing);
    stage.forward(Duration.ofMinutes(4));
    for (int i = 0; i < 4; i++) {
      issue(stage.billing, task);
    }
    assertThatThrownBy(() -> issue(stage.billing, task)).hasMessageContaining("issues a minute");
  }

  @Test
  void aGrantsRateIsSharedByAllItsAgents() {
    budgets(ENOUGH, new Budget(100, 100, 2));
    TaskId task = open(stage.billing);
    issue(stage.billing, task);
    issue(stage.other, open(stage.other));
    refused(
        new Fault.Exhausted("issues a minute of grant orders-read", 2, HALF_A_MINUTE),
        () -> issue(stage.billing, task));
    issue(stage.billing, open(stage.billing, "orders-write"), "orders-write");
  }

  @Test
  void aCredentialCountsUntilItIsProvenDead() {
    budgets(new Budget(100, 2, 1000), ENOUGH);
    TaskId task = open(stage.billing);
    Issued first = issue(stage.billing, task);
    TaskId another = open(stage.billing);
    issue(stage.billing, another);
    Fault full = new Fault.Exhausted("live credentials of agent billing", 2);
    refused(full, () -> issue(stage.billing, task));
    stage.target.stop();
    var _ = broker.release(stage.billing, task, first.credential().id(), Duration.ofMillis(20));
    refused(full, () -> issue(stage.billing, task));
    stage.target.start();
    await()
        .until(() ->
            broker.release(stage.billing, task, first.credential().id(), LONG).state()
                == Held.State.REVOKED);
    issue(stage.billing, task);
  }

  @Test
  void aGrantsLiveCredentialsAreThoseOfAllAgents() {
    budgets(ENOUGH, new Budget(100, 1, 1000));
    issue(stage.other, open(stage.other));
    refused(
        new Fault.Exhausted("live credentials of grant orders-read", 1),
        () -> issue(stage.billing, open(stage.billing)));
  }

  @Test
  void aGrantIsInTheScopeOfNoMoreTasksThanItMayBe() {
    budgets(ENOUGH, new Budget(1, 100, 1000));
    TaskId writing = open(stage.billing, "orders-write");
    TaskId reading = open(stage.other);
    Fault full = new Fault.Exhausted("open tasks of grant orders-read", 1);
    refused(full, () -> open(stage.billing));
    refused(full, () -> broker.changeScope(stage.billing, writing, Set.of("orders-read"), 1, LONG));
    var _ = broker.end(stage.other, reading, EndCause.COMPLETED, "", LONG);
    var _ = broker.changeScope(stage.billing, writing, Set.of("orders-read"), 1, LONG);
  }

  @Test
  void anEndIsNeverRefusedNorCounted() {
    budgets(new Budget(2, 2, 3), ENOUGH);
    TaskId task = open(stage.billing);
    issue(stage.billing, task);
    issue(stage.billing, task);
    assertThatThrownBy(() -> open(stage.billing)).hasMessageContaining("issues a minute");
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().end())
        .isPresent();
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void aScopeThatGainsIsCountedAndOneThatOnlyLosesIsNot() {
    budgets(new Budget(2, 2, 2), ENOUGH);
    TaskId task = open(stage.billing);
    Set<String> both = Set.of("orders-read", "orders-write");
    var _ = broker.changeScope(stage.billing, task, both, 1, LONG);
    Fault tooOften =
        new Fault.Exhausted("issues a minute of agent billing", 2, Duration.ofSeconds(30));
    refused(tooOften, () -> open(stage.billing));
    var _ = broker.changeScope(stage.billing, task, Set.of("orders-read"), 2, LONG);
    refused(tooOften, () -> broker.changeScope(stage.billing, task, both, 3, LONG));
    stage.forward(HALF_A_MINUTE);
    assertThat(broker.changeScope(stage.billing, task, both, 3, LONG).task().scope())
        .isEqualTo(both);
  }

  @Test
  void whoStormsWaitsForItselfAndNobodyElseDoes() {
    budgets(ENOUGH, ENOUGH);
    CompletableFuture<Void> slow = new CompletableFuture<>();
    AtomicInteger inside = new AtomicInteger();
    List<CompletableFuture<Integer>> storm =
        IntStream.range(0, 20)
            .mapToObj(i ->
                CompletableFuture.supplyAsync(
                    () ->
                        stage
                            .office
                            .budgets()
                            .inTurn(
                                stage.catalogue.agent(Stage.BILLING).orElseThrow(),
                                () -> {
                                  int at = inside.incrementAndGet();
                                  slow.join();
                                  inside.decrementAndGet();
                                  return at;
                                }),
                    Chains::onItsOwn))
            .toList();
    await().until(() -> inside.get() == Budgets.AT_ONCE);
    issue(stage.other, open(stage.other));
    assertThat(storm).noneMatch(CompletableFuture::isDone);
    slow.complete(null);
    assertThat(storm).allMatch(each -> each.join() <= Budgets.AT_ONCE);
  }

  @Test
  void whoHasTooManyWaitingIsToldSo() {
    budgets(ENOUGH, ENOUGH);
    AgentEntry entry = stage.catalogue.agent(Stage.BILLING).orElseThrow();
    CompletableFuture<Boolean> slow = new CompletableFuture<>();
    List<CompletableFuture<Boolean>> storm =
        IntStream.range(0, Budgets.AT_ONCE + Budgets.WAITING + 10)
            .mapToObj(i ->
                CompletableFuture.supplyAsync(
                    () -> stage.office.budgets().inTurn(entry, slow::join), Chains::onItsOwn))
            .toList();
    await()
        .until(
            () -> storm.stream().filter(CompletableFuture::isCompletedExceptionally).count() >= 10);
    refused(
        new Fault.Exhausted("calls at once of agent billing", 68, Duration.ofMillis(200)),
        () -> open(stage.billing));
    slow.complete(true);
    await().until(() -> storm.stream().allMatch(CompletableFuture::isDone));
    open(stage.billing);
  }

  @Test
  void aStormOfRefusalsIsCountedAndNotWrittenOutOneByOne() {
    budgets(new Budget(100, 100, 1), ENOUGH);
    TaskId task = open(stage.billing);
    int storm = 3_000;
    for (int i = 0; i < storm; i++) {
      assertThatThrownBy(() -> issue(stage.billing, task)).isInstanceOf(FaultException.class);
    }
    assertThatThrownBy(() -> open(stage.other, "orders-write")).isInstanceOf(FaultException.class);
    await().until(() -> recorded(AuditEvent.Refused.class) == Refusals.EACH_A_MINUTE + 1);
    stage.forward(Refusals.TOLD_EVERY);
    stage.office.sweeper().tick();
    await().until(() -> recorded(AuditEvent.RefusalsSkipped.class) == 1);
    assertThat(stage.audit.events())
        .contains(new AuditEvent.RefusalsSkipped(storm - Refusals.EACH_A_MINUTE));
    assertThat(recorded(AuditEvent.Refused.class)).isEqualTo(Refusals.EACH_A_MINUTE + 1);
  }

  private long recorded(Class<?> kind) {
    return stage.audit.events().stream().filter(kind::isInstance).count();
  }

  private void budgets(Budget billing, Budget reading) {
    Catalogue usual = stage.catalogue;
    Map<String, Grant> grants = new HashMap<>(usual.grants());
    grants.put("orders-read", Stage.grant("orders-read", Grant.Delivery.RAW, reading));
    stage.catalogue =
        new Catalogue(
            usual.targets(),
            grants,
            usual.intents(),
            Map.of(
                "billing",
                Stage.entry(
                    "billing", Stage.BILLING, Set.of("orders-read", "orders-write"), billing),
                "other",
                Stage.entry("other", Stage.OTHER, Set.of("orders-read"))),
            usual.tools());
  }

  private TaskId open(Peer peer, String... scope) {
    String[] held = scope.length == 0 ? new String[] {"orders-read"} : scope;
    return broker.open(peer, ask("k" + next(), held)).task().id();
  }

  private Issued issue(Peer peer, TaskId task) {
    return issue(peer, task, "orders-read");
  }

  private Issued issue(Peer peer, TaskId task, String grant) {
    return broker.issue(peer, task, grant, 0, "c" + next());
  }

  private synchronized int next() {
    return key++;
  }

  private static void refused(Fault fault, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(FaultException.class, e -> assertThat(e.fault()).isEqualTo(fault));
  }
}
