package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * A disk fails between Vault's answer and the record of it: what was lent dies at once, although
 * its task goes on, and the agent is told which disk it is.
 */
final class RecordingFailsIT {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  /**
   * A disk that fails.
   *
   * @param dependency how a refusal names it
   * @param folder the broker's, which is on it
   * @param orphans what is not on record of what was lent: what an fsync has not made durable may
   *     be there all the same
   */
  private record Fault(String dependency, String folder, String calls, String error, int orphans) {}

  private static final List<Fault> FAULTS =
      List.of(
          new Fault("AUDIT", "audit", "pwrite64", "ENOSPC", 1),
          new Fault("AUDIT", "audit", "fdatasync,fsync", "EIO", 0),
          new Fault("JOURNAL", "journal", "fdatasync,fsync", "EIO", 0));

  @Test
  void whatWasLentAndIsNotOnRecordDiesAtOnce() {
    Strace.needsRoot();
    try (VaultGate gate = new VaultGate(stage.vault());
        Watched watched =
            Watched.start(Watched.plan().with(gate.address()).withPatienceForVault())) {
      int orphans = 0;
      for (Fault fault : FAULTS) {
        meet(fault, gate, watched);
        Verdict verdict =
            watched.verdict(fault.folder + " " + fault.error + " after Vault has lent");
        orphans += fault.orphans;
        assertThat(verdict.violations()).isEmpty();
        assertThat(verdict.account().orphans()).isEqualTo(orphans);
        assertThat(verdict.account().live()).isZero();
      }
    }
  }

  private void meet(Fault fault, VaultGate gate, Watched watched) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Task task = agent.open(Stage.READ);
      Strace strace = new Strace(files(watched.deployment.folder().resolve(fault.folder)));
      AtomicReference<Strace.Attached> attached = new AtomicReference<>();
      AtomicLong lent = new AtomicLong();
      gate.meet((number, asked) -> {
        if (!asked.startsWith("GET database/creds/" + Stage.READ)) {
          return VaultGate.Fate.PASS;
        }
        return new VaultGate.Fate.Between(() -> {
          assertThat(outside.roles(task.getId())).hasSize(1);
          watched.checker.impaired(fault.folder + " fails");
          attached.set(
              strace.attach(
                  watched.deployment.broker(), fault.calls, "error=" + fault.error + ":when=1+"));
          lent.set(System.nanoTime());
        });
      });
      try {
        Refusal refusal = Refusal.of(() -> agent.issue(task, Stage.READ));
        assertThat(refusal.fields()).containsEntry("dependency", fault.dependency);
        assertThat(refusal.text()).contains("nothing is lent until");
        outside.awaitNothingLent(SOON);
        System.out.printf(
            "figure: %s %s after Vault has lent: dead %d ms later%n",
            fault.folder, fault.error, Faults.since(lent.get()).toMillis());
        assertThat(agent.get(task).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
        assertThat(Refusal.of(() -> agent.issue(task, Stage.READ)).fields())
            .containsEntry("dependency", fault.dependency);
        outside.requireNothingLent();
      } finally {
        gate.mend();
        if (attached.get() != null) {
          attached.get().close();
        }
      }
      if (fault.error.equals("ENOSPC")) {
        await().atMost(SOON).until(() -> agent.client().isServing());
        var _ = agent.issue(task, Stage.READ);
        assertThat(agent.complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      } else {
        // A disk that failed is not believed again: started anew, on a sound one.
        watched.deployment.broker().kill();
        watched.deployment.broker().restart();
      }
      watched.checker.mended(Checker.HEALTHY);
      outside.awaitNothingLent(SOON);
    }
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
