package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static io.exeat.flow.Stage.part;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.audit.AuditEvent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.InMemoryBackend.Call;
import io.exeat.journal.Kill;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One operator stops an agent, whatever is away; two restore it, with everything there. */
class KillSwitchTest {
  private static final Duration NO_TIME = Duration.ofMillis(30);
  private static final Operator ROOT = new Operator("uid 0");
  private static final Operator ONE = operator("one");
  private static final Operator TWO = operator("two");
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private final OperatorRequests desk = stage.office.desk();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void aStoppedAgentHasNothingAndGetsNothing() {
    TaskId task = open("orders-read");
    Issued issued = broker.issue(stage.billing, task, "orders-read", 0, "c");
    TaskId others = broker.open(stage.other, ask("o", "orders-read")).task().id();
    Stopped stopped = desk.kill(ROOT, Stage.BILLING, "talks to strangers", LONG);
    assertThat(stopped.ended()).isEqualTo(new Revoked(1, 1, java.util.Map.of(), 0));
    assertThat(stopped.recorded()).isTrue();
    assertThat(stopped.now().disabled()).isTrue();
    assertThat(stage.target.admits(issued.credential().principal())).isFalse();
    assertThat(stage.backend.disabled()).containsExactly("billing");
    denied("stopped", () -> open("orders-read"));
    denied("stopped", () -> broker.open(stage.attestor.process(1001, 5), ask("n")));
    assertThat(stage.office.tasks().find(task).orElseThrow().end().map(Task.End::cause))
        .contains(EndCause.KILLED);
    assertThat(broker.get(stage.other, others).task().state()).isEqualTo(Task.State.OPEN);
    assertThat(desk.killed(ROOT))
        .extracting(it -> it.kill().reason())
        .containsExactly("talks to strangers");
  }

  @Test
  void itIsCutOffAtOnceWithEverythingAwayAndTheRestIsDoneLater() {
    TaskId task = open("orders-read");
    Issued issued = broker.issue(stage.billing, task, "orders-read", 0, "c");
    stage.backend.down();
    stage.target.stop();
    stage.audit.breakDown("disk full");
    stage.journal.breakDown("EIO");
    Kills.UnderWay cut = stage.office.kills().kill(Stage.BILLING, ROOT, "now");
    refused(
        new Fault.TaskEnded(task, "KILLED"),
        () -> broker.issue(stage.billing, task, "orders-read", 0, "d"));
    denied("stopped", () -> open("orders-read"));
    assertThat(desk.kill(ROOT, Stage.BILLING, "again", NO_TIME).now().disabled()).isFalse();
    stage.backend.up();
    stage.target.start();
    stage.audit.mend();
    stage.journal.mend();
    await().atMost(LONG).until(() -> !stage.target.admits(issued.credential().principal()));
    await().atMost(LONG).until(() -> stage.backend.disabled().contains("billing"));
    assertThat(cut.had()).hasSize(1);
    await().atMost(LONG).until(stage.office::isIdle);
  }

  @Test
  void nothingIsWaitedForBeforeItIsCutOff() {
    List<Long> nanos = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      TaskId task = open("orders-read");
      long before = System.nanoTime();
      var _ = stage.office.kills().kill(Stage.BILLING, ROOT, "now");
      refused(
          new Fault.TaskEnded(task, "KILLED"),
          () -> broker.issue(stage.billing, task, "orders-read", 0, "d"));
      nanos.add(System.nanoTime() - before);
      restore(ONE);
      restore(TWO);
      await().atMost(LONG).until(() -> desk.killed(ROOT).isEmpty());
    }
    nanos.sort(null);
    System.out.printf(
        "figure: kill to refusal, in memory: median %d us, most %d us%n",
        nanos.get(5) / 1000, nanos.getLast() / 1000);
    assertThat(Duration.ofNanos(nanos.get(5))).isLessThan(Duration.ofMillis(50));
  }

  @Test
  void itHoldsAcrossARestart() {
    TaskId task = open("orders-read");
    broker.issue(stage.billing, task, "orders-read", 0, "c");
    stage.backend.down();
    desk.kill(ROOT, Stage.BILLING, "now", NO_TIME);
    await().until(() -> !stage.journal.kills().isEmpty());
    stage.close();
    try (Stage next = new Stage(stage)) {
      denied("stopped", () -> next.office.broker().open(next.billing, ask("k", "orders-read")));
      next.backend.up();
      next.office.recovery().start();
      await().atMost(LONG).until(next.office::isIdle);
      await().atMost(LONG).until(() -> next.backend.disabled().contains("billing"));
      denied("stopped", () -> next.office.broker().open(next.billing, ask("k", "orders-read")));
      assertThat(next.office.desk().killed(ROOT)).hasSize(1);
    }
  }

  @Test
  void twoDifferentOperatorsRestoreItAndNobodyElseDoes() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    denied("SVID", () -> restore(ROOT));
    denied("SVID", () -> restore(new Operator("uid 1")));
    denied("itself", () -> restore(new Operator(Stage.BILLING)));
    assertThat(restore(ONE)).isInstanceOf(Restoration.WaitsForAnother.class);
    assertThat(restore(ONE)).isInstanceOf(Restoration.WaitsForAnother.class);
    denied("SVID", () -> restore(new Operator(TWO.who())));
    denied("stopped", () -> open("orders-read"));
    assertThat(restore(TWO)).isInstanceOf(Restoration.Done.class);
    assertThat(stage.backend.disabled()).isEmpty();
    assertThat(stage.journal.kills()).isEmpty();
    TaskId task = open("orders-read");
    assertThat(stage.logsIn(broker.issue(stage.billing, task, "orders-read", 0, "c"))).isTrue();
    assertThat(
            stage.audit.events().stream()
                .filter(AuditEvent.OperatorActed.class::isInstance)
                .map(event -> ((AuditEvent.OperatorActed) event).action()))
        .containsExactly("kill", "unkill", "unkill", "unkill", "restored");
  }

  @Test
  void aRequestIsVoidAfterItsTimeAndAfterAnotherKill() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    stage.forward(Kills.WAITS.plusSeconds(1));
    assertThat(restore(TWO)).isInstanceOf(Restoration.WaitsForAnother.class);
    desk.kill(ROOT, Stage.BILLING, "again", LONG);
    assertThat(restore(ONE)).isInstanceOf(Restoration.WaitsForAnother.class);
    stage.forward(Kills.WAITS.minusSeconds(1));
    restore(ONE); // asking again does not make it last longer
    stage.forward(Duration.ofSeconds(2));
    assertThat(restore(TWO)).isInstanceOf(Restoration.WaitsForAnother.class);
    assertThat(restore(ONE)).isInstanceOf(Restoration.Done.class);
  }

  @Test
  void noRequestIsKeptForALaterKill() {
    assertThatThrownBy(() -> restore(ONE)).hasMessageContaining("not stopped");
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    restore(TWO);
    assertThatThrownBy(() -> restore(ONE)).hasMessageContaining("not stopped");
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    assertThat(restore(TWO)).isInstanceOf(Restoration.WaitsForAnother.class);
    denied("stopped", () -> open());
  }

  @Test
  void aRequestIsForgottenAtARestart() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    try (Stage next = new Stage(stage)) {
      next.office.recovery().start();
      assertThat(next.office.desk().restore(TWO, Stage.BILLING, "mended", LONG))
          .isInstanceOf(Restoration.WaitsForAnother.class);
    }
  }

  @Test
  void itIsRestoredOnlyWhenAllOfItIsDeadAndVaultAndTheJournalHaveIt() {
    TaskId task = open("orders-read");
    broker.issue(stage.billing, task, "orders-read", 0, "c");
    stage.target.stop();
    desk.kill(ROOT, Stage.BILLING, "now", NO_TIME);
    restore(ONE);
    assertThat(restore(TWO)).isInstanceOf(Restoration.UnderWay.class);
    stage.backend.refuseNext(Call.DISABLE);
    stage.target.start();
    await().atMost(LONG).until(() -> desk.killed(ROOT).isEmpty());
    assertThat(stage.backend.disabled()).isEmpty();
    assertThat(open("orders-read")).isNotNull();
  }

  @Test
  void withoutAJournalNobodyIsRestored() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    stage.journal.breakDown("EIO");
    assertThat(desk.restore(TWO, Stage.BILLING, "mended", NO_TIME))
        .isInstanceOf(Restoration.UnderWay.class);
    denied("stopped", () -> open());
    stage.journal.mend();
    await().atMost(LONG).until(() -> desk.killed(ROOT).isEmpty());
  }

  @Test
  void aKillOvertakesARestorationThatIsUnderWay() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    stage.journal.breakDown("EIO");
    desk.restore(TWO, Stage.BILLING, "mended", NO_TIME);
    await().until(() -> stage.backend.disabled().isEmpty());
    desk.kill(ROOT, Stage.BILLING, "again", NO_TIME);
    stage.journal.mend();
    await().atMost(LONG).until(() -> stage.backend.disabled().contains("billing"));
    denied("stopped", () -> open());
    assertThat(stage.journal.kills()).hasSize(1);
    assertThat(restore(TWO)).isInstanceOf(Restoration.WaitsForAnother.class);
  }

  /** Each look at the clock is a nanosecond after the last one. */
  @Test
  void oneWhoAsksAgainWhileTheRequestBecomesVoidAsksAlone() {
    AtomicLong ticks = new AtomicLong();
    Kill kill = new Kill(Stage.BILLING, "billing", Instant.EPOCH, "uid 0", "now");
    for (int early = 0; early < 5; early++) {
      Time time = new Time(() -> Instant.EPOCH, ticks::getAndIncrement);
      Stop stop = new Stop(kill, stage.backend, stage.journal, time);
      long until = ticks.get() + Kills.WAITS.toNanos();
      assertThat(stop.ask(ONE.svid().orElseThrow())).isInstanceOf(Stop.Asked.Waits.class);
      ticks.set(until - early);
      assertThat(stop.ask(ONE.svid().orElseThrow())).isInstanceOf(Stop.Asked.Waits.class);
    }
  }

  /** It waited for the audit's disk while the other one restored the agent, and it was stopped. */
  @Test
  void aRequestOfAnEarlierKillLiftsNoLaterOne() {
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    restore(ONE);
    stage.when(
        "audit operator.acted",
        () -> {
          desk.restore(TWO, Stage.BILLING, "mended", NO_TIME);
          await().atMost(LONG).until(() -> desk.killed(ROOT).isEmpty());
          var _ = stage.office.kills().kill(Stage.BILLING, ROOT, "again");
          await().atMost(LONG).until(() -> stage.backend.disabled().contains("billing"));
        });
    assertThatThrownBy(() -> restore(TWO)).hasMessageContaining("not stopped");
    assertThat(stage.backend.disabled()).containsExactly("billing");
    assertThat(stage.journal.kills()).extracting(Kill::reason).containsExactly("again");
    assertThat(restore(TWO)).isInstanceOf(Restoration.WaitsForAnother.class);
  }

  @Test
  void aNameThatLooksAlikeIsAnother() {
    for (String other :
        List.of(
            "spiffe://example.org/agent/Billing",
            "spiffe://example.org/agent/billing2",
            "spiffe://example.org/agent",
            "spiffe://example.com/agent/billing")) {
      assertThatThrownBy(() -> desk.kill(ROOT, SpiffeId.parse(other), "typo", LONG))
          .hasMessageContaining("neither in the catalogue");
    }
    assertThat(open("orders-read")).isNotNull();
    assertThat(desk.killed(ROOT)).isEmpty();
  }

  @Test
  void anAgentThatIsOutOfTheCatalogueIsStoppedByItsTasks() {
    open("orders-read");
    stage.catalogue =
        new io.exeat.task.Catalogue(
            stage.catalogue.targets(),
            stage.catalogue.grants(),
            stage.catalogue.intents(),
            java.util.Map.of(),
            stage.catalogue.tools());
    assertThat(desk.kill(ROOT, Stage.BILLING, "now", LONG).now().kill().entry())
        .isEqualTo("billing");
  }

  @Test
  void noTaskSlipsThroughWhileItIsStopped() throws InterruptedException {
    AtomicBoolean stopped = new AtomicBoolean();
    Queue<TaskId> late = new ConcurrentLinkedQueue<>();
    List<Thread> openers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      openers.add(
          Thread.ofVirtual()
              .start(() -> {
                for (int n = 0; n < 40; n++) {
                  boolean after = stopped.get();
                  try {
                    TaskId id = open("orders-read");
                    if (after) {
                      late.add(id);
                    }
                    broker.end(stage.billing, id, EndCause.COMPLETED, "", LONG);
                  } catch (FaultException refused) { // stopped, or too many: as it should be
                    assertThat(refused.fault()).isNotNull();
                  }
                }
              }));
    }
    desk.kill(ROOT, Stage.BILLING, "now", LONG);
    stopped.set(true);
    for (Thread each : openers) {
      each.join();
    }
    assertThat(late).isEmpty();
    await().atMost(LONG).until(stage.office::isIdle);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(stage.backend.tokens()).isZero();
  }

  @Test
  void aTreeAndAGrantAreEndedByName() {
    TaskId root = open("orders-read", "orders-write");
    TaskId part = broker.open(stage.billing, part("p", root, LONG, "orders-read")).task().id();
    TaskId alone = open("orders-read");
    assertThat(desk.revoke(ROOT, new Named.Tree(part), "", LONG).named()).isEqualTo(2);
    assertThat(state(root)).isEqualTo(Task.State.ENDED);
    assertThat(state(part)).isEqualTo(Task.State.ENDED);
    assertThat(state(alone)).isEqualTo(Task.State.OPEN);
    TaskId writes = open("orders-write");
    desk.revoke(ROOT, new Named.Holding("orders-read"), "", LONG);
    assertThat(state(alone)).isEqualTo(Task.State.ENDED);
    assertThat(state(writes)).isEqualTo(Task.State.OPEN);
  }

  private Task.State state(TaskId id) {
    return stage.office.tasks().find(id).orElseThrow().state();
  }

  private Restoration restore(Operator operator) {
    return desk.restore(operator, Stage.BILLING, "mended", Duration.ofSeconds(2));
  }

  private TaskId open(String... scope) {
    return broker.open(stage.billing, ask(TaskId.random().value(), scope)).task().id();
  }

  private static Operator operator(String name) {
    return new Operator(SpiffeId.parse("spiffe://example.org/operator/" + name));
  }

  private static void denied(String because, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FaultException.class,
            e ->
                assertThat(e.fault())
                    .isInstanceOfSatisfying(
                        Fault.Denied.class, no -> assertThat(no.reason()).contains(because)));
  }

  private static void refused(Fault fault, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(FaultException.class, e -> assertThat(e.fault()).isEqualTo(fault));
  }
}
