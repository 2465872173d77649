package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.audit.AuditEvent;
import io.exeat.base.CredentialId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.InMemoryBackend.Call;
import io.exeat.revoke.Receipt;
import io.exeat.revoke.ReceiptSigner;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever was lent and has ended has a receipt, also after crashes and without SPIRE. */
class ReceiptsTest {
  private static final Operator OPERATOR = new Operator("uid 0");
  private static final ReceiptSigner AWAY =
      receipt -> {
        throw new FaultException(
            new Fault.Unavailable(Fault.Dependency.IDENTITY, "no SVID", Duration.ofSeconds(1)));
      };
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private final List<Receipt> signed = new CopyOnWriteArrayList<>();
  private final ReceiptSigner signer =
      receipt -> {
        signed.add(receipt);
        return "receipt-" + signed.size();
      };

  ReceiptsTest() {
    stage.signer = signer;
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void eachCredentialAndEachEpochHasAReceiptWhenTheAnswerComes() {
    TaskId task = open("orders-read", "orders-write");
    CredentialId released = issue(task, "orders-read");
    broker.release(stage.billing, task, released, LONG);
    CredentialId changed = issue(task, "orders-read");
    broker.changeScope(stage.billing, task, Set.of("orders-write"), 1, LONG);
    CredentialId completed = issue(task, "orders-write");
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(stage.office.desk().receipts(OPERATOR, task, 100))
        .extracting(AuditEvent.ReceiptSigned::credential)
        .containsExactlyInAnyOrder(
            Optional.of(released),
            Optional.of(changed),
            Optional.of(completed),
            Optional.empty(),
            Optional.empty());
    assertThat(signed.stream().map(Receipt::cause).distinct())
        .containsExactly("RELEASED", "SCOPE_CHANGED", "COMPLETED");
    for (Receipt each : signed) {
      assertThat(each.agent()).isEqualTo(Stage.BILLING);
      assertThat(each.outcome())
          .isInstanceOfSatisfying(
              Receipt.Dead.class,
              dead -> {
                assertThat(dead.confirmedAt()).isAfterOrEqualTo(each.askedAt());
                assertThat(dead.deadAt()).isAfterOrEqualTo(dead.confirmedAt());
                assertThat(dead.checks())
                    .anyMatch(check -> check.contains("lease") && check.endsWith("unknown"));
              });
    }
  }

  @Test
  void theTokenIsLookedUpAndNotTakenAtVaultsWord() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.backend.refuseNext(Call.TOKEN_GONE);
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(signed).hasSize(2);
    assertThat(((Receipt.Dead) signed.getLast().outcome()).checks())
        .contains("vault: token unknown by accessor");
    assertThat(stage.backend.calls().stream().filter(call -> call.startsWith("TOKEN_GONE")))
        .hasSize(2);
  }

  @Test
  void whatHasNoSvidEndsAllTheSameAndIsSignedLater() {
    TaskId task = open("orders-read");
    issue(task, "orders-read");
    stage.signer = AWAY;
    TaskView ended = broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    assertThat(ended.task().state()).isEqualTo(Task.State.ENDED);
    assertThat(stage.journal.outstanding()).hasSize(1);
    stage.office.sweeper().tick();
    assertThat(stage.office.desk().receipts(OPERATOR, task, 100)).isEmpty();
    stage.signer = signer;
    await()
        .untilAsserted(() -> {
          stage.office.sweeper().tick();
          assertThat(stage.office.desk().receipts(OPERATOR, task, 100)).hasSize(2);
          assertThat(stage.journal.outstanding()).isEmpty();
        });
  }

  @Test
  void aCrashBeforeTheSignatureLosesNoReceipt() {
    TaskId task = open("orders-read");
    CredentialId credential = issue(task, "orders-read");
    stage.signer = AWAY;
    broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);
    stage.close();
    try (Stage next = new Stage(stage)) {
      next.signer = signer;
      next.office.recovery().start();
      await().atMost(LONG).until(next.office::isIdle);
      assertThat(next.office.desk().receipts(OPERATOR, task, 100))
          .extracting(AuditEvent.ReceiptSigned::credential)
          .containsExactlyInAnyOrder(Optional.of(credential), Optional.empty());
      assertThat(signed).allMatch(receipt -> receipt.cause().equals("COMPLETED"));
      assertThat(next.journal.outstanding()).isEmpty();
    }
  }

  private TaskId open(String... scope) {
    return broker.open(stage.billing, ask("k", scope)).task().id();
  }

  private CredentialId issue(TaskId task, String grant) {
    return broker.issue(stage.billing, task, grant, 0, TaskId.random().value()).credential().id();
  }
}
