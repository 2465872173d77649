package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.TaskId;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.util.Collections;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What takes too long to end is on record, and counted. */
class OverdueTest {
  private static final String OVERDUE = "audit revocation.overdue";
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void whatIsAliveForTooLongIsOnRecordOnceAndSeen() {
    TaskId task = broker.open(stage.billing, ask("k", "orders-read")).task().id();
    var _ = broker.issue(stage.billing, task, "orders-read", 0, "c");
    stage.target.stop();
    var _ = broker.end(stage.billing, task, EndCause.COMPLETED, "", Duration.ZERO);
    await().until(() -> !stage.office.readings().revoking().isEmpty());
    stage.forward(Duration.ofSeconds(30));
    stage.office.sweeper().tick();
    assertThat(stage.story).doesNotContain(OVERDUE);
    stage.forward(Duration.ofSeconds(1));
    stage.office.sweeper().tick();
    stage.office.sweeper().tick();
    await().until(() -> stage.story.contains(OVERDUE));
    assertThat(Collections.frequency(stage.story, OVERDUE)).isEqualTo(1);
    assertThat(broker.get(stage.billing, task).pending().orElseThrow())
        .startsWith("for 31 s now: ");
    Readings readings = stage.office.readings();
    assertThat(readings.revoking()).hasSize(1);
    await().until(() -> stage.office.readings().revoking().getFirst().waitsFor().equals("TARGET"));
    assertThat(readings.counts().credentialsRevoking()).isEqualTo(1);
    stage.target.start();
    await().until(stage.office::isIdle);
    stage.office.sweeper().tick();
    assertThat(stage.office.readings().revoking()).isEmpty();
    assertThat(stage.office.readings().deaths().counts().stream().mapToLong(it -> it).sum())
        .isEqualTo(1);
    assertThat(stage.office.readings().calls()).containsKey("Credentials.Issue");
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
  }
}
