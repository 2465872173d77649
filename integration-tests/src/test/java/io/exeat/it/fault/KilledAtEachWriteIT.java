package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.SmallDisk;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.RevokeResponse;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

/**
 * The kernel kills the broker at its n-th write to the journal's files or its n-th fsync of one,
 * for n = 1, 2, … until it has started without, and again until its work is done without; or says
 * there that the disk has failed.
 */
final class KilledAtEachWriteIT {
  private static final String CALLS = "pwrite64,fdatasync,fsync,ftruncate";
  private static final int STRIDE = Faults.times(23, 1);
  private static final int MOST = 400;
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final List<Duration> dead = new ArrayList<>();

  @Test
  void whatItLentDiesWhenItStartsAgain() {
    Strace.needsRoot();
    try (Watched watched = Watched.start(Watched.plan())) {
      int starting = each(2, n -> killedAtStart(n, watched));
      int working = each(1, n -> killedAtWork(n, watched));
      Verdict verdict = watched.verdict("killed at each write of the journal");
      System.out.printf(
          "figure: killed at each write of the journal: %d points of a start, %d of its work,"
              + " serving again to all dead %s%n",
          starting, working, Faults.spread(dead));
      assertThat(starting).isPositive();
      assertThat(working).as("each thing that is lent is written down").isGreaterThan(9 / STRIDE);
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().issued()).isPositive();
      assertThat(verdict.account().live()).isZero();
    }
  }

  /** At one write after the other, until there is none with that number; how many there were. */
  private static int each(int first, IntPredicate killed) {
    int points = 0;
    for (int n = first; killed.test(n); n += STRIDE) {
      points++;
      assertThat(n).as("it comes to an end").isLessThan(MOST);
    }
    return points;
  }

  /** Whether its start came to the n-th write of one of its threads. */
  private boolean killedAtStart(int n, Watched watched) {
    BrokerProcess broker = watched.deployment.broker();
    watched.checker.impaired("the broker is down");
    broker.kill();
    broker.launchBy(strace(watched.deployment.folder()).inject(CALLS, "signal=KILL:when=" + n));
    broker.begin();
    boolean killed = !servesOrDies(watched);
    if (!killed) {
      broker.kill();
    }
    broker.launchBy(config -> Packaged.command("run", "--config", config.toString()));
    again(watched);
    return killed;
  }

  /** Whether its work did; it counts from here, however many writes its start took. */
  private boolean killedAtWork(int n, Watched watched) {
    BrokerProcess broker = watched.deployment.broker();
    watched.checker.impaired("the broker is down");
    try (Strace.Attached _ =
        strace(watched.deployment.folder()).attach(broker, CALLS, "signal=KILL:when=" + n)) {
      await().atMost(PATIENCE).until(() -> work(watched) || !broker.isAlive());
    }
    if (broker.isAlive()) {
      watched.checker.mended(Checker.HEALTHY);
      return false;
    }
    again(watched);
    return true;
  }

  private void again(Watched watched) {
    watched.deployment.broker().restart();
    long serving = System.nanoTime();
    watched.checker.mended(Checker.HEALTHY);
    outside.awaitNothingLent(Duration.ofSeconds(30));
    dead.add(Faults.since(serving));
  }

  private static boolean servesOrDies(Watched watched) {
    try {
      watched.deployment.awaitServing();
      return true;
    } catch (IllegalStateException e) {
      if (watched.deployment.broker().isAlive()) {
        throw e;
      }
      return false;
    }
  }

  /** Everything once, or as much as is served. */
  private static boolean work(Watched watched) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Task task = agent.open(Stage.READ);
      var _ = agent.issue(task, Stage.READ);
      Task changed = agent.changeScope(task, Stage.WRITE);
      agent.release(agent.issue(changed, Stage.WRITE));
      var _ = agent.issue(changed, Stage.WRITE);
      var _ = agent.complete(changed);
      return true;
    } catch (StatusRuntimeException e) {
      return false; // it was killed meanwhile, or settles what was left
    }
  }

  @Test
  void afterAFailedFsyncNothingIsLentAndAllEnds() {
    Strace.needsRoot();
    try (Watched watched = Watched.start(Watched.plan())) {
      BrokerProcess broker = watched.deployment.broker();
      broker.kill();
      broker.launchBy(
          strace(watched.deployment.folder()).inject("fdatasync,fsync", "error=EIO:when=12+"));
      broker.restart();
      nothingIsLentAndAllEnds(watched, "the journal's fsync fails", List.of());
      watched.checker.impaired("the broker is down");
      broker.kill();
      broker.launchBy(config -> Packaged.command("run", "--config", config.toString()));
      broker.restart();
      watched.checker.mended(Checker.HEALTHY);
      sound(watched, "the journal's fsync fails");
    }
  }

  @Test
  void onAFullDiskNothingIsLentAndAllEnds() {
    try (SmallDisk disk = SmallDisk.mount(stage.newFolder("disk"), "32m");
        Watched watched = Watched.start(Watched.plan().withJournal(disk.folder("journal")))) {
      List<Task> before = new ArrayList<>();
      try (WatchedAgent agent = new WatchedAgent(watched)) {
        for (int i = 0; i < 3; i++) {
          Task task = agent.open(Stage.READ);
          var _ = agent.issue(task, Stage.READ);
          before.add(task);
        }
        disk.fill();
        nothingIsLentAndAllEnds(watched, "the journal's disk is full", before);
      }
      disk.free();
      try (WatchedAgent agent = new WatchedAgent(watched)) {
        await().atMost(SOON).until(() -> agent.client().isServing());
        var _ = agent.issue(agent.open(Stage.READ), Stage.READ);
      }
      watched.checker.impaired("the broker is down");
      watched.deployment.broker().kill();
      watched.deployment.broker().restart();
      watched.checker.mended(Checker.HEALTHY);
      sound(watched, "the journal's disk is full");
    }
  }

  private void nothingIsLentAndAllEnds(Watched watched, String what, List<Task> before) {
    List<Task> open = new ArrayList<>(before);
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      Refusal refusal = refusalOf(agent, open);
      assertThat(refusal.fields()).containsEntry("dependency", "JOURNAL");
      await().atMost(SOON).until(() -> !agent.client().isServing()); // told a moment later
      for (Task task : open) {
        assertThat(agent.complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      }
      assertThat(Refusal.of(() -> agent.open(Stage.READ)).fields())
          .containsEntry("dependency", "JOURNAL");
      try (Client operator = watched.deployment.operator()) {
        RevokeResponse _ = operator.admin().revoke(RevokeRequest.newBuilder().setAll(true).build());
      }
    }
    outside.awaitNothingLent(Duration.ofSeconds(20));
    System.out.printf("figure: %s: %d tasks were open, all ended%n", what, open.size());
  }

  private void sound(Watched watched, String what) {
    outside.awaitNothingLent(Duration.ofSeconds(20));
    Verdict verdict = watched.verdict(what);
    assertThat(verdict.violations()).isEmpty();
    assertThat(verdict.account().live()).isZero();
  }

  /** Opens and issues until that is refused. */
  private static Refusal refusalOf(WatchedAgent agent, List<Task> open) {
    for (int i = 0; i < 200; i++) {
      try {
        Task task = agent.open(Stage.READ);
        open.add(task);
        Credential credential = agent.issue(task, Stage.READ);
        assertThat(credential.hasDatabase()).isTrue();
      } catch (StatusRuntimeException e) {
        return Refusal.of(e);
      }
    }
    throw new AssertionError("the disk has failed and everything is lent");
  }

  private static Strace strace(Path folder) {
    Path journal = folder.resolve("journal");
    return new Strace(
        List.of(
            journal.resolve("journal.db"),
            journal.resolve("journal.db-wal"),
            journal.resolve("journal.acked")));
  }
}
