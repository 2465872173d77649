package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

/** A broker that comes up on what another run left. */
class RecoveryTest {
  private final Stage before = new Stage();

  @Test
  void theCauseOfAnEndThatACrashInterruptedStays() {
    TaskId task = left();
    before.target.stop();
    var _ = before.office.broker().end(before.billing, task, EndCause.CANCELLED, "", Duration.ZERO);
    await().until(() -> before.journal.outstanding().getFirst().cause().isPresent());
    before.close();
    before.target.start();
    try (Stage after = new Stage(before)) {
      after.office.recovery().start();
      await().until(after.office::isIdle);
      Task ended = after.office.tasks().find(task).orElseThrow();
      assertThat(ended.end().orElseThrow().cause()).isEqualTo(EndCause.CANCELLED);
    }
  }

  @Test
  void noTaskOpensAtATargetBeforeWhatWasLeftThereIsProvenDead() {
    var _ = left();
    before.close();
    before.target.stop();
    try (Stage after = new Stage(before)) {
      after.office.recovery().start();
      AgentRequests broker = after.office.broker();
      assertThatThrownBy(() -> broker.open(after.billing, ask("new", "orders-read")))
          .isInstanceOfSatisfying(
              FaultException.class,
              e ->
                  assertThat(e.fault())
                      .isEqualTo(
                          new Fault.Unavailable(
                              Fault.Dependency.TARGET,
                              "what was lent at orders before the restart is not proven dead yet",
                              Duration.ofSeconds(1))));
      assertThat(opened(after)).isEqualTo(1);
      // Who wants nothing there does not wait.
      assertThat(broker.open(after.billing, ask("none")).task().state()).isEqualTo(Task.State.OPEN);
      before.target.start();
      await().until(() -> before.target.principals().isEmpty());
      await().until(() -> opens(after));
    }
  }

  @Test
  void whoOpensATaskMeanwhileWaitsForIt() throws Exception {
    TaskId old = left();
    before.close();
    before.target.stop();
    try (Stage after = new Stage(before)) {
      after.office.recovery().start();
      CompletableFuture<Boolean> opens = CompletableFuture.supplyAsync(() -> opens(after));
      assertThatThrownBy(() -> opens.get(300, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      assertThat(opened(after)).isEqualTo(1);
      before.target.start();
      // On a busy machine the wait may be over before the next look at the target.
      await().ignoreExceptions().until(() -> opens.handle((open, _) -> open).get() || opens(after));
      assertThat(after.office.tasks().find(old).orElseThrow().state()).isEqualTo(Task.State.ENDED);
    }
  }

  private TaskId left() {
    AgentRequests broker = before.office.broker();
    TaskId task = broker.open(before.billing, ask("left", "orders-read")).task().id();
    var _ = broker.issue(before.billing, task, "orders-read", 1, "c");
    return task;
  }

  private static long opened(Stage stage) {
    return stage.backend.calls().stream().filter(call -> call.startsWith("OPEN_EPOCH")).count();
  }

  private static boolean opens(Stage stage) {
    AgentRequests broker = stage.office.broker();
    TaskId task = broker.open(stage.billing, ask("late", "orders-read")).task().id();
    return broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state()
        == Task.State.ENDED;
  }
}
