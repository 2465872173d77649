package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.credential.InMemoryBackend.Call;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BrokerTest {
  private static final Duration NO_TIME = Duration.ofMillis(50);
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void everythingIsWrittenDownBeforeItHappensAndRecordedBeforeTheAgentHasIt() {
    TaskView task = broker.open(stage.billing, ask("k", "orders-read")).view();
    broker.issue(stage.billing, task.task().id(), "orders-read", 1, "c");
    broker.end(stage.billing, task.task().id(), EndCause.COMPLETED, "", LONG);
    assertThat(stage.story.stream().filter(line -> !line.equals("audit receipt.signed")))
        .containsExactly(
            "audit policy.decided",
            "audit task.opened",
            "journal intend e1",
            "journal bind e1",
            "audit policy.decided",
            "journal lent e1",
            "audit credential.issued",
            "journal ending e1",
            "audit task.ending",
            "audit credential.dead",
            "audit epoch.dead",
            "journal settled e1",
            "audit task.ended");
    // Beside the records of the deaths, in any order with them, and before the journal forgets.
    assertThat(stage.story)
        .containsSubsequence("audit receipt.signed", "audit receipt.signed", "journal settled e1");
  }

  @Test
  void aCredentialWorksUntilItsTaskIsCompletedAndIsSeenDeadThen() {
    TaskId task = open("orders-read");
    Issued issued = issue(task, "orders-read");
    assertThat(stage.logsIn(issued)).isTrue();
    String secret = Stage.text(issued);
    TaskView ended = broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(ended.task().state()).isEqualTo(Task.State.ENDED);
    assertThat(ended.credentials()).extracting(Held::state).containsExactly(Held.State.REVOKED);
    assertThat(stage.target.login(issued.credential().principal(), secret)).isFalse();
    assertThat(stage.backend.tokens()).isZero();
    assertThat(stage.journal.outstanding()).isEmpty();
  }

  @Test
  void aTaskCanComeWithItsFirstCredential() {
    OpenTask both = withIssue(ask("k", "orders-read"), "orders-read");
    Opened opened = broker.open(stage.billing, both);
    Issued issued = opened.issued().orElseThrow();
    assertThat(stage.logsIn(issued)).isTrue();
    assertThat(opened.view().credentials()).containsExactly(issued.credential());
    Opened again = broker.open(stage.billing, both);
    assertThat(again.issued().orElseThrow().credential()).isEqualTo(issued.credential());
    refused(
        new Fault.IdempotencyConflict("k"),
        () -> broker.open(stage.billing, ask("k", "orders-read")));
    TaskId id = opened.task().id();
    var _ = broker.changeScope(stage.billing, id, Set.of("orders-write"), 1, LONG);
    refused(new Fault.EpochClosed(id, 1, 2), () -> broker.open(stage.billing, both));
    var _ = broker.end(stage.billing, id, EndCause.COMPLETED, "", LONG);
    refused(new Fault.TaskEnded(id, "COMPLETED"), () -> broker.open(stage.billing, both));
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void aTaskWhoseFirstCredentialCannotBeIssuedIsNone() {
    OpenTask ask = withIssue(ask("k", "hidden", "orders-read"), "hidden");
    assertThatThrownBy(() -> broker.open(stage.billing, ask)).hasMessageContaining("proxy");
    await().until(() -> stage.backend.tokens() == 0 && stage.journal.outstanding().isEmpty());
    assertThat(stage.story).contains("audit task.ended");
    Opened other = broker.open(stage.billing, withIssue(ask, "orders-read"));
    assertThat(stage.logsIn(other.issued().orElseThrow())).isTrue();
  }

  private static OpenTask withIssue(OpenTask ask, String grant) {
    return new OpenTask(
        ask.intent(),
        ask.scope(),
        ask.lifetime(),
        ask.note(),
        ask.idempotencyKey(),
        ask.binding(),
        ask.parent(),
        Optional.of(grant));
  }

  @Test
  void endingTwiceGivesTheSameAnswer() {
    TaskId task = open("orders-read");
    TaskView once = broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(broker.end(stage.billing, task, EndCause.CANCELLED, "", LONG)).isEqualTo(once);
  }

  @Test
  void anEndedTaskIssuesNothing() {
    TaskId task = open("orders-read");
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    refused(new Fault.TaskEnded(task, "COMPLETED"), () -> issue(task, "orders-read"));
  }

  @Test
  void anAgentSeesNoTaskButItsOwn() {
    TaskId task = open("orders-read");
    Fault unknown = new Fault.NoSuchTask(task);
    refused(unknown, () -> broker.get(stage.other, task));
    refused(unknown, () -> broker.issue(stage.other, task, "orders-read", 0, "c"));
    refused(unknown, () -> broker.changeScope(stage.other, task, Set.of(), 1, LONG));
    refused(unknown, () -> broker.end(stage.other, task, EndCause.COMPLETED, "", LONG));
    refused(unknown, () -> broker.watch(stage.other, task, 0, event -> {}));
    refused(unknown, () -> broker.get(stage.attestor.process(1001, 99), task));
  }

  @Test
  void aGrantOutsideTheCeilingIsRefusedByName() {
    refused(
        new Fault.OutsideCeiling("grants [secrets]", "grants [hidden, orders-read, orders-write]"),
        () -> broker.open(stage.billing, ask("k", "orders-read", "secrets")));
    assertThat(stage.backend.calls()).isEmpty();
    assertThat(stage.journal.outstanding()).isEmpty();
  }

  @Test
  void aGrantOutsideTheScopeIsRefusedThoughTheCeilingHoldsIt() {
    TaskId task = open("orders-read");
    refused(new Fault.OutOfScope(task, "orders-write"), () -> issue(task, "orders-write"));
  }

  @Test
  void aProxiedGrantIsNeverHandedOut() {
    TaskId task = open("hidden");
    assertThatThrownBy(() -> issue(task, "hidden")).hasMessageContaining("proxy");
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void aCeilingThatIsLoweredCountsAtOnce() {
    TaskId task = open("orders-read", "orders-write");
    stage.catalogue = Stage.catalogue(Set.of("orders-read"));
    assertThatThrownBy(() -> issue(task, "orders-write")).hasMessageContaining("OutsideCeiling");
    assertThat(stage.logsIn(issue(task, "orders-read"))).isTrue();
  }

  @Test
  void theOldEpochIsDeadBeforeTheNewOneIssues() {
    TaskId task = open("orders-read");
    Issued old = issue(task, "orders-read");
    String secret = Stage.text(old);
    TaskView changed = broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    assertThat(changed.task().epoch().number()).isEqualTo(2);
    assertThat(stage.target.login(old.credential().principal(), secret)).isFalse();
    assertThat(stage.story).containsSubsequence("audit epoch.dead", "journal intend e2");
    refused(new Fault.OutOfScope(task, "orders-read"), () -> issue(task, "orders-read"));
    assertThat(stage.logsIn(issue(task, "orders-write"))).isTrue();
  }

  @Test
  void aChangeOfScopeWaitsForTheProofAndIssuesNothingMeanwhile() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.target.stop();
    assertThatThrownBy(
            () -> broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, NO_TIME))
        .isInstanceOfSatisfying(
            FaultException.class,
            e -> assertThat(e.fault()).isInstanceOf(Fault.ScopeChanging.class));
    assertThatThrownBy(() -> broker.issue(stage.billing, task, "orders-write", 2, "d"))
        .isInstanceOfSatisfying(
            FaultException.class,
            e -> assertThat(e.fault()).isInstanceOf(Fault.ScopeChanging.class));
    stage.target.start();
    TaskView changed = broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    assertThat(changed.task().state()).isEqualTo(Task.State.OPEN);
    assertThat(changed.task().epoch().number()).isEqualTo(2);
  }

  @Test
  void aCallUnderAClosedEpochIsRefused() {
    TaskId task = open("orders-read");
    broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    refused(
        new Fault.EpochClosed(task, 1, 2),
        () -> broker.issue(stage.billing, task, "orders-write", 1, "c"));
  }

  @Test
  void aLostAnswerClosesTheEpochAndNothingUnknownStaysAlive() {
    TaskId task = open("orders-read");
    stage.backend.loseAnswerOfNext(Call.ISSUE);
    assertThatThrownBy(() -> issue(task, "orders-read")).isInstanceOf(FaultException.class);
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.OPEN);
    assertThat(broker.get(stage.billing, task).task().epoch().number()).isEqualTo(2);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(stage.logsIn(issue(task, "orders-read"))).isTrue();
  }

  @Test
  void aRefusedIssueLeavesTheEpochAsItIs() {
    TaskId task = open("orders-read");
    stage.backend.refuseNext(Call.ISSUE);
    assertThatThrownBy(() -> issue(task, "orders-read")).isInstanceOf(FaultException.class);
    assertThat(broker.get(stage.billing, task).task().epoch().number()).isEqualTo(1);
    assertThat(stage.logsIn(issue(task, "orders-read"))).isTrue();
  }

  @Test
  void aTaskThatCannotBeRecordedIsNotOpenedAndLeavesNothing() {
    stage.audit.breakDown("disk full");
    assertThatThrownBy(() -> open("orders-read")).isInstanceOf(FaultException.class);
    await().until(stage.office::isIdle);
    assertThat(stage.backend.tokens()).isZero();
    assertThat(stage.journal.outstanding()).isEmpty();
  }

  @Test
  void aCredentialThatCannotBeRecordedNeverReachesTheAgentAndDiesWithItsEpoch() {
    TaskId task = open("orders-read");
    stage.audit.breakDown("disk full");
    assertThatThrownBy(() -> issue(task, "orders-read")).isInstanceOf(FaultException.class);
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(stage.audit.late()).isNotEmpty();
  }

  @Test
  void aJournalThatIsAwayLetsNothingOpenAndEverythingEnd() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.journal.breakDown("EIO");
    assertThatThrownBy(() -> broker.open(stage.billing, ask("k2", "orders-read")))
        .isInstanceOf(FaultException.class);
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void aRepeatedCallGetsTheSameAnswerAndOtherContentIsRefused() {
    Opened once = broker.open(stage.billing, ask("k", "orders-read"));
    assertThat(broker.open(stage.billing, ask("k", "orders-read"))).isEqualTo(once);
    refused(
        new Fault.IdempotencyConflict("k"),
        () -> broker.open(stage.billing, ask("k", "orders-write")));
    TaskId task = once.task().id();
    Issued issued = broker.issue(stage.billing, task, "orders-read", 0, "c");
    assertThat(broker.issue(stage.billing, task, "orders-read", 0, "c")).isEqualTo(issued);
    assertThat(stage.target.principals()).hasSize(1);
  }

  @Test
  void aProcessThatDiesTakesItsTasksAlong() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.attestor.kill(stage.billing);
    await().until(stage.office::isIdle);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(stage.story).contains("audit task.ended");
  }

  @Test
  void aDeadlineEndsTheTaskWhateverTheWallClockSays() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.forward(Duration.ofMinutes(5).minusNanos(1));
    stage.office.sweeper().tick();
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.OPEN);
    stage.forward(Duration.ofNanos(1));
    stage.office.sweeper().tick();
    await().until(stage.office::isIdle);
    assertThat(broker.get(stage.billing, task).task().end().map(Task.End::cause))
        .contains(EndCause.EXPIRED);
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void aLeaseIsRenewedAfterAThirdOfItsLife() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.office.sweeper().tick();
    stage.forward(Duration.ofSeconds(20));
    stage.office.sweeper().tick();
    await()
        .untilAsserted(() ->
            assertThat(stage.backend.calls())
                .anySatisfy(call -> assertThat(call).startsWith("RENEW")));
  }

  @Test
  void aSessionThatIsLostEndsItsTasks() {
    TaskId task = open("orders-read");
    stage.backend.onLost(stage.office::lost);
    stage.backend.loseSession();
    await().until(stage.office::isIdle);
    assertThat(broker.get(stage.billing, task).task().end().map(Task.End::cause))
        .contains(EndCause.LEASE_LOST);
  }

  @Test
  void aSessionThatIsAboutToEndWarnsItsTasks() {
    TaskId task = open("orders-read");
    List<TaskEvent.Kind> seen = new CopyOnWriteArrayList<>();
    try (var _ = broker.watch(stage.billing, task, 0, event -> seen.add(event.kind()))) {
      stage.backend.onExpiring(stage.office::expiring);
      stage.backend.expireSoon();
      assertThat(seen).contains(TaskEvent.Kind.EXPIRY_WARNING);
    }
    assertThat(broker.get(stage.billing, task).task().end()).isEmpty();
  }

  @Test
  void anOperatorEndsWhatIsNamedAndIsToldWhatIsProven() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    Operator operator = new Operator("uid 0");
    OperatorRequests desk = stage.office.desk();
    stage.target.stop();
    Revoked pending = desk.revoke(operator, new Named.Everything(), "drill", NO_TIME);
    assertThat(pending.provenDead()).isZero();
    assertThat(pending.pending()).containsOnlyKeys(task);
    assertThat(desk.status(operator).pending()).containsOnlyKeys(task);
    stage.target.start();
    Revoked done = desk.revoke(operator, new Named.One(task), "drill", LONG);
    // It may have been proven dead by itself before.
    assertThat(done)
        .isIn(new Revoked(1, 1, java.util.Map.of(), 0), new Revoked(0, 0, java.util.Map.of(), 1));
    assertThat(stage.target.principals()).isEmpty();
  }

  @Test
  void anOperatorIsToldApartWhatHadEndedBefore() {
    TaskId before = open("orders-read");
    broker.end(stage.billing, before, EndCause.COMPLETED, "", LONG);
    TaskId live = broker.open(stage.billing, Stage.ask("live", "orders-read")).task().id();
    Issued lent = issue(live, "orders-read");
    broker.release(stage.billing, live, lent.credential().id(), LONG);
    Operator operator = new Operator("uid 0");
    OperatorRequests desk = stage.office.desk();
    Revoked nothing = new Revoked(0, 0, java.util.Map.of(), 1);

    assertThat(desk.revoke(operator, new Named.One(before), "drill", LONG)).isEqualTo(nothing);
    assertThat(
            desk.revoke(operator, new Named.Lease(lent.credential().id().value()), "drill", LONG))
        .isEqualTo(nothing);
    assertThat(desk.revoke(operator, new Named.Everything(), "drill", LONG))
        .isEqualTo(new Revoked(1, 1, java.util.Map.of(), 1));
    assertThat(desk.revoke(operator, new Named.Everything(), "drill", LONG))
        .isEqualTo(new Revoked(0, 0, java.util.Map.of(), 2));
  }

  @Test
  void aWatcherThatComesBackMissesNothingAndAStrangeNumberIsRefused() {
    TaskId task = open("orders-read");
    List<TaskEvent> whole = new CopyOnWriteArrayList<>();
    broker.watch(stage.billing, task, 0, whole::add);
    broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    List<TaskEvent> late = new CopyOnWriteArrayList<>();
    broker.watch(stage.billing, task, whole.getFirst().number(), late::add);
    refused(
        new Fault.Malformed("after", "must be 0, or the number of an event of this task"),
        () -> broker.watch(stage.billing, task, 1000, late::add));
    for (int epoch = 2; epoch < 12; epoch++) {
      broker.changeScope(
          stage.billing,
          task,
          Set.of(epoch % 2 == 0 ? "orders-read" : "orders-write"),
          epoch,
          LONG);
    }
    List<TaskEvent> lost = new CopyOnWriteArrayList<>();
    broker.watch(stage.billing, task, 1, lost::add);
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);

    assertThat(late).isEqualTo(whole.subList(1, whole.size()));
    assertThat(whole.stream().skip(1).map(TaskEvent::number))
        .containsExactlyElementsOf(LongStream.rangeClosed(2, 25).boxed().toList());
    assertThat(lost.getFirst().kind()).isEqualTo(TaskEvent.Kind.SNAPSHOT);
    assertThat(lost.getFirst().number()).isEqualTo(23);
    assertThat(lost).hasSize(3);
    List<TaskEvent> over = new CopyOnWriteArrayList<>();
    broker.watch(stage.billing, task, 24, over::add);
    broker.watch(stage.billing, task, 25, over::add);
    assertThat(over)
        .extracting(TaskEvent::kind)
        .containsExactly(TaskEvent.Kind.ENDED, TaskEvent.Kind.SNAPSHOT);
  }

  @Test
  void oneCredentialCanBeGivenBackAndTheTaskGoesOn() {
    TaskId task = open("orders-read", "orders-write");
    Issued read = issue(task, "orders-read");
    Issued write = broker.issue(stage.billing, task, "orders-write", 0, "w");
    String secret = Stage.text(read);
    Held released = broker.release(stage.billing, task, read.credential().id(), LONG);
    assertThat(released.state()).isEqualTo(Held.State.REVOKED);
    assertThat(stage.target.login(read.credential().principal(), secret)).isFalse();
    assertThat(stage.logsIn(write)).isTrue();
    refused(
        new Fault.NoSuchCredential(read.credential().id()),
        () -> broker.issue(stage.billing, task, "orders-read", 0, "c"));
  }

  @Test
  void watchersSeeEveryEventInOrder() {
    TaskId task = open("orders-read");
    List<TaskEvent> seen = new CopyOnWriteArrayList<>();
    broker.watch(stage.billing, task, 0, seen::add);
    broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(seen)
        .extracting(TaskEvent::kind)
        .containsExactly(
            TaskEvent.Kind.SNAPSHOT,
            TaskEvent.Kind.EPOCH_CLOSED,
            TaskEvent.Kind.EPOCH_OPENED,
            TaskEvent.Kind.ENDING,
            TaskEvent.Kind.ENDED);
  }

  @Test
  void aRestartSettlesEverythingAndResumesNothing() {
    TaskId task = open("orders-read");
    Issued issued = issue(task, "orders-read");
    String secret = Stage.text(issued);
    stage.close();
    try (Stage again = new Stage(stage)) {
      assertThat(again.office.recovery().start()).isEqualTo(1);
      await().until(again.office::isIdle);
      assertThat(again.target.login(issued.credential().principal(), secret)).isFalse();
      assertThat(again.backend.tokens()).isZero();
      await().until(() -> again.journal.outstanding().isEmpty());
      await().until(() -> again.journal.sessions().isEmpty());
      refused(
          new Fault.TaskEnded(task, "BROKER_RESTARTED"),
          () -> again.office.broker().issue(stage.billing, task, "orders-read", 0, "c"));
    }
  }

  @Test
  void anEndDuringAChangeOfScopeIsNotDoneBeforeTheOldEpochIsDead() {
    TaskId task = open("orders-read");
    Issued old = issue(task, "orders-read");
    String secret = Stage.text(old);
    stage.target.stop();
    assertThatThrownBy(
            () -> broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, NO_TIME))
        .isInstanceOf(FaultException.class);
    TaskView ending = broker.end(stage.billing, task, EndCause.COMPLETED, "", NO_TIME);
    assertThat(ending.task().state()).isEqualTo(Task.State.ENDING);
    assertThat(ending.pending()).isPresent();
    stage.target.start();
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
    assertThat(stage.target.login(old.credential().principal(), secret)).isFalse();
    assertThat(stage.story).doesNotContain("journal intend e2");
  }

  @Test
  void anEndInTheMiddleOfOpeningEndsWhatTheOpeningMakes() {
    OperatorRequests desk = stage.office.desk();
    stage.when(
        "journal intend e1",
        () -> desk.revoke(new Operator("uid 0"), new Named.Everything(), "", NO_TIME));
    assertThatThrownBy(() -> open("orders-read"))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.TaskEnded.class));
    await().until(stage.office::isIdle);
    assertThat(stage.backend.tokens()).isZero();
    assertThat(stage.journal.outstanding()).isEmpty();
  }

  @Test
  void anEpochThatCannotBeRecordedIsTriedAgainWithTheSameToken() {
    TaskId task = open("orders-read");
    stage.when("journal bind e2", () -> stage.audit.breakDown("disk full"));
    assertThatThrownBy(() ->
            broker.changeScope(
                stage.billing, task, Set.of("orders-write"), 1, Duration.ofMillis(700)))
        .isInstanceOf(FaultException.class);
    assertThat(stage.backend.tokens()).isEqualTo(1);
    stage.audit.mend();
    broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    assertThat(stage.backend.tokens()).isEqualTo(1);
    assertThat(stage.logsIn(issue(task, "orders-write"))).isTrue();
  }

  @Test
  void nothingIsIssuedBeforeTheTokensAccessorIsDurable() {
    stage.when("journal bind e1", () -> stage.journal.failWhenAwaited("EIO"));
    TaskId task = open("orders-read");
    assertThatThrownBy(() -> issue(task, "orders-read"))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("EIO");
    assertThat(stage.backend.calls()).noneMatch(call -> call.startsWith("ISSUE"));
    assertThat(stage.backend.leases()).isZero();
  }

  @Test
  void aTokenWhoseIntentionDidNotBecomeDurableEnds() {
    stage.when("audit task.opened", () -> stage.journal.failWhenAwaited("EIO"));
    assertThatThrownBy(() -> open("orders-read"))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("EIO");
    await().until(stage.office::isIdle);
    assertThat(stage.backend.calls()).anyMatch(call -> call.startsWith("OPEN_EPOCH"));
    assertThat(stage.backend.tokens()).isZero();
  }

  @Test
  void whatTheAuditDoesNotRecordIsTakenBackAtOnceAndTheTaskGoesOn() {
    TaskId task = open("orders-read");
    stage.when("journal lent e1", () -> stage.audit.breakDown("disk full"));
    refused(
        new Fault.Unavailable(Fault.Dependency.AUDIT, "disk full", Duration.ofSeconds(1)),
        () -> issue(task, "orders-read"));
    nothingIsLentAndTheNextIs(task);
  }

  @Test
  void whatTheJournalDoesNotTakeIsTakenBackAtOnceAndTheTaskGoesOn() {
    TaskId task = open("orders-read");
    stage.when("journal lent e1", () -> stage.journal.breakDown("EIO"));
    refused(
        new Fault.Unavailable(Fault.Dependency.JOURNAL, "EIO", Duration.ofSeconds(1)),
        () -> issue(task, "orders-read"));
    nothingIsLentAndTheNextIs(task);
  }

  @Test
  void theJournalKeepsWhatTheAuditHasInMemoryAlone() {
    TaskId task = open("orders-read");
    var _ = issue(task, "orders-read");
    stage.audit.breakDown("EIO");
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
    stage.office.sweeper().tick();
    assertThat(stage.journal.outstanding()).hasSize(1);
    stage.audit.mend();
    await()
        .until(() -> {
          stage.office.sweeper().tick();
          return stage.journal.outstanding().isEmpty();
        });
    assertThat(stage.story).containsSubsequence("audit epoch.dead", "journal settled e1");
  }

  private void nothingIsLentAndTheNextIs(TaskId task) {
    assertThat(issues()).isEqualTo(1);
    assertThatThrownBy(() -> issue(task, "orders-read")).isInstanceOf(FaultException.class);
    assertThat(issues()).isEqualTo(1); // not asked for again
    await().until(() -> stage.backend.leases() == 0);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.OPEN);
    await()
        .until(() ->
            broker.get(stage.billing, task).credentials().stream()
                .allMatch(held -> held.state() == Held.State.REVOKED));
    stage.audit.mend();
    stage.journal.mend();
    assertThat(stage.logsIn(issue(task, "orders-read"))).isTrue();
  }

  private long issues() {
    return stage.backend.calls().stream().filter(call -> call.startsWith("ISSUE")).count();
  }

  @Test
  void anEndIsNotHeldUpByAnAuditThatHangs() {
    TaskId task = open("orders-read");
    Issued issued = issue(task, "orders-read");
    String secret = Stage.text(issued);
    CountDownLatch hanging = new CountDownLatch(1);
    stage.when("audit task.ending", () -> await().until(() -> hanging.getCount() == 0));
    broker.end(stage.billing, task, EndCause.COMPLETED, "", NO_TIME);
    await()
        .untilAsserted(() ->
            assertThat(stage.target.login(issued.credential().principal(), secret)).isFalse());
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.ENDING);
    hanging.countDown();
    await().until(stage.office::isIdle);
  }

  @Test
  void aTaskHoldsAtMostSoManyLiveCredentials() {
    TaskId task = open("orders-read");
    for (int i = 0; i < Lending.MOST_LIVE; i++) {
      broker.issue(stage.billing, task, "orders-read", 0, "c" + i);
    }
    refused(
        new Fault.Exhausted("live credentials of one task", Lending.MOST_LIVE),
        () -> broker.issue(stage.billing, task, "orders-read", 0, "one more"));
  }

  @Test
  void anAgentThatOpensAndEndsForEverIsRememberedOnlySoFar() {
    for (int i = 0; i < Tasks.REMEMBERED_OF_ONE + 50; i++) {
      TaskId id = broker.open(stage.billing, ask("k" + i)).task().id();
      broker.end(stage.billing, id, EndCause.COMPLETED, "", LONG);
    }
    stage.office.sweeper().tick();
    assertThat(stage.office.desk().list(new Operator("uid 0"), Optional.empty(), true, 1_000))
        .hasSize(Tasks.REMEMBERED_OF_ONE);
  }

  @Test
  void aTaskThatWasOpenForLongIsRememberedWhenItEnds() {
    TaskId old = broker.open(stage.billing, ask("old")).task().id();
    stage.nanos.incrementAndGet();
    for (int i = 0; i < Tasks.REMEMBERED_OF_ONE; i++) {
      TaskId id = broker.open(stage.billing, ask("k" + i)).task().id();
      broker.end(stage.billing, id, EndCause.COMPLETED, "", LONG);
    }
    stage.nanos.incrementAndGet();
    broker.end(stage.billing, old, EndCause.COMPLETED, "", LONG);
    stage.office.sweeper().tick();
    assertThat(broker.get(stage.billing, old).task().state()).isEqualTo(Task.State.ENDED);
  }

  @Test
  void refusalsAreOnRecord() {
    refused(
        new Fault.Unattested("no identity"),
        () -> broker.open(stage.attestor.process(4242, 13), ask("k", "orders-read")));
    await().until(() -> stage.story.contains("audit call.refused"));
  }

  @Test
  void anAgentCannotHaveMoreOpenTasksThanItsEntryAllows() {
    TaskId last = TaskId.random();
    for (int i = 0; i < 100; i++) {
      last = broker.open(stage.billing, ask("k" + i)).task().id();
    }
    refused(
        new Fault.Exhausted("open tasks of billing", 100),
        () -> broker.open(stage.billing, ask("one more")));
    broker.end(stage.billing, last, EndCause.COMPLETED, "", LONG);
    broker.end(stage.billing, last, EndCause.COMPLETED, "", LONG);
    broker.open(stage.billing, ask("one more"));
    refused(
        new Fault.Exhausted("open tasks of billing", 100),
        () -> broker.open(stage.billing, ask("two more")));
    assertThat(broker.open(stage.other, ask("k")).task().state()).isEqualTo(Task.State.OPEN);
    assertThat(stage.backend.tokens()).isZero();
    assertThat(Optional.of(stage.backend.calls())).contains(List.of());
  }

  private TaskId open(String... scope) {
    return broker.open(stage.billing, ask("open", scope)).task().id();
  }

  private Issued issue(TaskId task, String grant) {
    return broker.issue(stage.billing, task, grant, 0, "c");
  }

  private static void refused(Fault expected, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isEqualTo(expected));
  }
}
