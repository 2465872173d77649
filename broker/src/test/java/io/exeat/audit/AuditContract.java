package io.exeat.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every audit sink must do. */
public abstract class AuditContract {
  private AuditSink sink;

  /** A sink with an empty chain. */
  protected abstract AuditSink fresh() throws Exception;

  /** The kinds in the chain, oldest first. */
  protected abstract List<String> kinds(AuditSink sink) throws Exception;

  /** From now on nothing can be written. */
  protected abstract void breakDown(AuditSink sink) throws Exception;

  /** There is room again; returns when what waited has been written. */
  protected abstract void mend(AuditSink sink) throws Exception;

  @BeforeEach
  void open() throws Exception {
    sink = fresh();
  }

  @AfterEach
  void close() {
    sink.close();
  }

  @Test
  void whatIsRecordedIsInTheChainInOrder() throws Exception {
    sink.record(new AuditEvent.BrokerStarted("1", "spiffe://example.org/broker/one", 0));
    sink.record(new AuditEvent.OperatorActed("uid 0", "revoke", "everything", "drill"));
    sink.recordEnding(new AuditEvent.BrokerStopped("asked to"));
    assertThat(kinds(sink)).containsExactly("broker.started", "operator.acted", "broker.stopped");
    assertThat(sink.problem()).isEmpty();
  }

  @Test
  void whatCannotBeWrittenIsRefusedExceptEndings() throws Exception {
    sink.record(new AuditEvent.BrokerStarted("1", "spiffe://example.org/broker/one", 0));
    breakDown(sink);
    assertThatThrownBy(
            () -> sink.record(new AuditEvent.OperatorActed("uid 0", "open", "something", "no")))
        .isInstanceOfSatisfying(
            FaultException.class,
            refused ->
                assertThat(refused.fault())
                    .isInstanceOfSatisfying(
                        Fault.Unavailable.class,
                        fault -> assertThat(fault.dependency()).isEqualTo(Fault.Dependency.AUDIT)));
    assertThatCode(() -> sink.recordEnding(new AuditEvent.BrokerStopped("broken")))
        .doesNotThrowAnyException();
    assertThat(sink.problem()).isPresent();

    mend(sink);
    sink.record(new AuditEvent.OperatorActed("uid 0", "revoke", "everything", "drill"));
    assertThat(sink.problem()).isEmpty();
    assertThat(kinds(sink)).containsExactly("broker.started", "broker.stopped", "operator.acted");
  }

  @Test
  void receiptsOfATaskAreFoundAgainAsTheyWereSigned() {
    TaskId task = TaskId.random();
    String agent = "spiffe://example.org/agent";
    List<AuditEvent.ReceiptSigned> own = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      AuditEvent.ReceiptSigned receipt =
          new AuditEvent.ReceiptSigned(
              new Epoch(task, i),
              i % 2 == 0 ? Optional.empty() : Optional.of(CredentialId.random()),
              agent,
              "A-_9".repeat(1000) + "." + i + ".x");
      own.add(receipt);
      sink.recordEnding(receipt);
      sink.recordEnding(
          new AuditEvent.ReceiptSigned(
              new Epoch(TaskId.random(), 1), Optional.empty(), agent, "of.an.other"));
      sink.record(
          new AuditEvent.OperatorActed(
              "uid 0",
              "revoke",
              "\",\"kind\":\"receipt.signed\",\"task\":\"" + task.value() + "\"",
              "forged"));
    }
    assertThat(sink.receipts(task, 100)).isEqualTo(own);
    assertThat(sink.receipts(task, 2)).isEqualTo(own.subList(3, 5));
    assertThat(sink.receipts(TaskId.random(), 100)).isEmpty();
  }

  @Test
  void manyThreadsLoseNothing() throws Exception {
    Callable<Boolean> caller =
        () -> {
          for (int i = 0; i < 10; i++) {
            sink.record(new AuditEvent.BrokerStopped("again"));
          }
          return true;
        };
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Boolean> done : pool.invokeAll(Collections.nCopies(64, caller))) {
        assertThat(done.get()).isTrue();
      }
    }
    assertThat(kinds(sink)).hasSize(640).containsOnly("broker.stopped");
  }
}
