package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.InMemoryBackend.Call;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Clocks that are off, and ours when it is set. */
class ClocksTest {
  private static final Duration TOLERATED = Clocks.MOST;
  private static final Duration TOO_MUCH = TOLERATED.plusMillis(100);
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void nothingIsLentWhileVaultsClockIsOffAndItIsSaidByHowMuch() {
    TaskId task = open("before");
    stage.backend.clockAhead(TOO_MUCH);
    stage.forward(Clocks.FRESH);
    Fault off =
        off(
            Fault.Dependency.VAULT,
            "the clock of Vault is 2.1 s ahead of the broker's; more than 2 s are too much, have"
                + " both set");
    refused(off, () -> issue(task, "c1"));
    refused(off, () -> open("after"));
    assertThat(stage.target.principals()).isEmpty();
    stage.backend.clockAhead(TOLERATED.negated());
    assertThat(stage.logsIn(issue(task, "c1"))).isTrue();
    assertThat(stage.logsIn(issue(open("after"), "c2"))).isTrue();
  }

  @Test
  void nothingIsLentAtATargetWhoseClockIsOff() {
    TaskId task = open("k");
    stage.target.clockAhead(TOO_MUCH.negated());
    refused(
        off(
            Fault.Dependency.TARGET,
            "the clock of target orders is 2.1 s behind the broker's; more than 2 s are too much,"
                + " have both set"),
        () -> issue(task, "c"));
    assertThat(stage.backend.calls()).noneMatch(call -> call.startsWith(Call.ISSUE.name()));
    stage.target.clockAhead(TOLERATED);
    assertThat(stage.logsIn(issue(task, "c"))).isTrue();
  }

  @Test
  void endingAsksNoClock() {
    TaskId task = open("k");
    Issued issued = issue(task, "c");
    String secret = Stage.text(issued);
    stage.backend.clockAhead(Duration.ofHours(5));
    stage.target.clockAhead(Duration.ofHours(-5));
    stage.forward(Clocks.FRESH);
    assertThatThrownBy(() -> issue(task, "d")).hasMessageContaining("18000.0 s ahead");
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
    assertThat(stage.target.login(issued.credential().principal(), secret)).isFalse();
  }

  @Test
  void aComparisonHoldsForAWhile() {
    TaskId task = open("k");
    var _ = issue(task, "c1");
    stage.backend.clockAhead(TOO_MUCH);
    stage.forward(Clocks.FRESH.minusNanos(1));
    var _ = issue(task, "c2");
    stage.forward(Duration.ofNanos(1));
    assertThatThrownBy(() -> issue(task, "c3")).isInstanceOf(FaultException.class);
  }

  @Test
  void whatWasSaidTooSlowlyDoesNotCount() {
    long[] nanos = {0};
    Duration[] takes = {Clocks.QUICK.plusNanos(1)};
    Duration[] ahead = {Duration.ZERO};
    int[] asked = {0};
    Time time = new Time(() -> Instant.EPOCH, () -> nanos[0]);
    Clocks clocks =
        new Clocks(
            () -> {
              asked[0]++;
              nanos[0] += takes[0].toNanos();
              return ahead[0];
            },
            Map.of(),
            time);
    Fault tooSlow =
        off(
            Fault.Dependency.VAULT,
            "the clock of Vault cannot be compared with the broker's: it took more than 1 s to"
                + " answer");
    refused(tooSlow, () -> clocks.requireTrue(List.of()));
    assertThat(asked[0]).isEqualTo(3);

    takes[0] = Clocks.QUICK;
    clocks.requireTrue(List.of());
    // It seems to be off only because its answer was slow to come.
    takes[0] = Clocks.QUICK.plusNanos(1);
    ahead[0] = TOO_MUCH;
    nanos[0] += Clocks.FRESH.toNanos();
    clocks.requireTrue(List.of());
    nanos[0] += Clocks.STANDS.toNanos();
    refused(tooSlow, () -> clocks.requireTrue(List.of()));
    takes[0] = Clocks.QUICK;
    assertThatThrownBy(() -> clocks.requireTrue(List.of())).hasMessageContaining("2.1 s ahead");
    // And once it is known to be off, a slow answer does not make it right.
    takes[0] = Clocks.QUICK.plusNanos(1);
    ahead[0] = Duration.ZERO;
    assertThatThrownBy(() -> clocks.requireTrue(List.of())).hasMessageContaining("2.1 s ahead");
  }

  @Test
  void ourOwnClockSetToAnotherTimeEndsNothingAndKeepsNothingAlive() {
    TaskId task = open("k");
    Issued issued = issue(task, "c");
    for (Duration step : new Duration[] {Duration.ofHours(7), Duration.ofHours(-7)}) {
      stage.step = step;
      stage.office.sweeper().tick();
      assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.OPEN);
      assertThat(stage.logsIn(issued)).isTrue();
    }
    assertThat(stage.backend.calls()).noneMatch(call -> call.startsWith(Call.RENEW.name()));
    stage.forward(Duration.ofSeconds(20));
    stage.office.sweeper().tick();
    await()
        .until(() -> stage.backend.calls().stream().anyMatch(c -> c.startsWith(Call.RENEW.name())));
    stage.forward(Duration.ofSeconds(280).minusNanos(1));
    stage.office.sweeper().tick();
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.OPEN);
    stage.forward(Duration.ofNanos(1));
    stage.office.sweeper().tick();
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.ENDED);
    assertThat(broker.get(stage.billing, task).task().end().orElseThrow().cause())
        .isEqualTo(EndCause.EXPIRED);
  }

  private TaskId open(String key) {
    return broker.open(stage.billing, ask(key, "orders-read")).task().id();
  }

  private Issued issue(TaskId task, String key) {
    return broker.issue(stage.billing, task, "orders-read", 0, key);
  }

  private static Fault off(Fault.Dependency dependency, String problem) {
    return new Fault.Unavailable(dependency, problem, Duration.ofSeconds(1));
  }

  private static void refused(Fault fault, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(FaultException.class, e -> assertThat(e.fault()).isEqualTo(fault));
  }
}
