package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.Peer;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.credential.InMemoryBackend.Call;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random sequences of everything that agents, operators, processes, clocks and dependencies can do.
 * What must hold at every moment: a principal that can log in belongs to the open epoch of an open
 * task, or to an end that is not proven yet. What must hold at the end: nothing is left anywhere.
 *
 * <p>A failing seed is in the test's name; {@code -Dexeat.seed=<seed>} plays it again alone.
 */
class RandomStoriesTest {
  private static final int STEPS = 60;
  private static final long SEEDS = Long.getLong("exeat.seeds", 40);

  static Stream<Long> seeds() {
    Long one = Long.getLong("exeat.seed");
    return one != null ? Stream.of(one) : LongStream.range(0, SEEDS).boxed();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void thereIsNeverALiveCredentialWithoutAnActiveEpoch(long seed) {
    try (Stage stage = new Stage()) {
      stage.backend.onLost(stage.office::lost);
      Run run = new Run(stage, new Random(seed));
      for (int i = 0; i < STEPS; i++) {
        run.step();
      }
      run.finish();
    }
  }

  private static final class Run {
    final Stage stage;
    final Random random;
    final AgentRequests broker;
    final List<Peer.Local> processes = new ArrayList<>();
    final Map<TaskId, Peer.Local> tasks = new LinkedHashMap<>();
    final Queue<String> violations = new ConcurrentLinkedQueue<>();
    int serial;

    Run(Stage stage, Random random) {
      this.stage = stage;
      this.random = random;
      this.broker = stage.office.broker();
      processes.add(stage.billing);
      processes.add(stage.other);
    }

    void step() {
      try {
        switch (random.nextInt(16)) {
          case 0, 1, 2 -> open();
          case 3, 4, 5, 6 -> issue();
          case 7, 8 -> changeScope();
          case 9 -> end();
          case 10 -> release();
          case 11 -> disturb();
          case 12 -> stage.forward(Duration.ofSeconds(random.nextInt(45)));
          case 13 -> killAProcess();
          case 14 -> revokeAsOperator();
          default -> recover();
        }
      } catch (FaultException refused) { // a refusal is an answer; what it left behind is looked at
        assertThat(refused.fault()).isNotNull();
      }
      stage.office.sweeper().tick();
      assertThat(violations).isEmpty();
    }

    void open() {
      Peer.Local process = any(processes);
      String[] scope =
          Stream.of("orders-read", "orders-write")
              .filter(grant -> random.nextBoolean())
              .toArray(String[]::new);
      TaskId id = broker.open(process, Stage.ask("k" + serial++, scope)).task().id();
      tasks.put(id, process);
      broker.watch(process, id, 0, this::lookAtTheTarget);
    }

    /** Called under the task's lock, so what it sees is what is true at this very transition. */
    void lookAtTheTarget(TaskEvent event) {
      Task task = event.task();
      boolean proven =
          event.kind() == TaskEvent.Kind.EPOCH_OPENED || event.kind() == TaskEvent.Kind.ENDED;
      if (!proven) {
        return;
      }
      for (String principal : stage.target.principals()) {
        if (principal.contains(task.id().value()) && stage.target.admits(principal)) {
          violations.add(
              event.kind() + " of " + task.epoch() + " while " + principal + " is alive");
        }
      }
    }

    void issue() {
      if (!tasks.isEmpty()) {
        TaskId id = any(List.copyOf(tasks.keySet()));
        String grant = random.nextBoolean() ? "orders-read" : "orders-write";
        Issued issued = broker.issue(process(id), id, grant, 0, "c" + serial++);
        if (random.nextBoolean()) {
          stage.logsIn(issued); // an open session must not keep it alive
        }
      }
    }

    void changeScope() {
      if (!tasks.isEmpty()) {
        TaskId id = any(List.copyOf(tasks.keySet()));
        long epoch = broker.get(process(id), id).task().epoch().number();
        Set<String> scope = random.nextBoolean() ? Set.of("orders-read") : Set.of();
        broker.changeScope(process(id), id, scope, epoch, Duration.ofMillis(20));
      }
    }

    void end() {
      if (!tasks.isEmpty()) {
        TaskId id = any(List.copyOf(tasks.keySet()));
        broker.end(process(id), id, EndCause.COMPLETED, "", Duration.ofMillis(20));
      }
    }

    void release() {
      if (!tasks.isEmpty()) {
        TaskId id = any(List.copyOf(tasks.keySet()));
        List<Held> held = broker.get(process(id), id).credentials();
        if (!held.isEmpty()) {
          broker.release(process(id), id, any(held).id(), Duration.ofMillis(20));
        }
      }
    }

    void disturb() {
      Call call = any(List.of(Call.OPEN_EPOCH, Call.ISSUE, Call.END_TOKEN, Call.END_LEASE));
      switch (random.nextInt(8)) {
        case 0 -> stage.backend.refuseNext(call);
        case 1 -> stage.backend.loseAnswerOfNext(call);
        case 2 -> stage.backend.down();
        case 3 -> stage.target.stop();
        case 4 -> stage.audit.breakDown("disk full");
        case 5 -> stage.journal.breakDown("EIO");
        case 6 -> stage.backend.prompt(random.nextBoolean());
        default -> stage.backend.loseSession();
      }
    }

    void recover() {
      stage.backend.up();
      stage.target.start();
      stage.backend.prompt(true);
      stage.audit.mend();
      stage.journal.mend();
    }

    void killAProcess() {
      Peer.Local old = any(processes);
      processes.remove(old);
      stage.attestor.kill(old);
      processes.add(stage.attestor.process(1001 + random.nextInt(2), 100 + serial++));
      if (processes.size() < 2) {
        processes.add(stage.attestor.process(1001, 100 + serial++));
      }
    }

    void revokeAsOperator() {
      if (!tasks.isEmpty()) {
        TaskId id = any(List.copyOf(tasks.keySet()));
        stage
            .office
            .desk()
            .revoke(new Operator("uid 0"), new Named.One(id), "", Duration.ofMillis(20));
      }
    }

    void finish() {
      recover();
      stage.office.desk().revoke(new Operator("uid 0"), new Named.Everything(), "the end", LONG);
      await().atMost(LONG).until(stage.office::isIdle);
      await()
          .atMost(LONG)
          .until(() -> {
            stage.office.sweeper().tick(); // receipts that waited for the audit
            return stage.journal.outstanding().isEmpty();
          });
      stage.backend.catchUp(); // what nobody but Vault knows of, and cannot log in any more
      assertThat(violations).isEmpty();
      assertThat(stage.target.principals()).isEmpty();
      assertThat(stage.backend.leases()).isZero();
      assertThat(stage.audit.late()).isEmpty();
      assertThat(stage.revoker.pending()).isEmpty();
    }

    Peer.Local process(TaskId id) {
      Peer.Local process = tasks.get(id);
      assertThat(process).isNotNull();
      return process == null ? stage.billing : process;
    }

    <T> T any(List<T> list) {
      return list.get(random.nextInt(list.size()));
    }
  }
}
