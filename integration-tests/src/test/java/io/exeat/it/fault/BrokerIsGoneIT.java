package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.Durable;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.journal.sqlite.SqliteJournal;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The broker is killed and never comes back; or comes back to very much. */
final class BrokerIsGoneIT {
  private static final Duration HEARTBEAT = Duration.ofSeconds(8);
  private static final Duration MARGIN = Duration.ofSeconds(7);
  private static final int EPOCHS = Faults.times(1_000, 10_000);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @Test
  void withoutItsHeartbeatAllThatItLentDies() throws SQLException {
    try (Watched watched =
        Watched.start(Watched.plan(stage.development("exeat-watched-silent", HEARTBEAT)))) {
      List<Connection> sessions = new ArrayList<>();
      try (WatchedAgent agent = new WatchedAgent(watched)) {
        for (int i = 0; i < 4; i++) {
          Task task = agent.open(Stage.READ, Stage.TLS);
          var _ = agent.issue(task, Stage.TLS);
          Credential credential = agent.issue(task, Stage.READ);
          sessions.add(agent.session(credential));
        }
      }
      long killed = System.nanoTime();
      watched.deployment.broker().kill();
      watched.checker.gone(HEARTBEAT.plus(MARGIN));
      await()
          .atMost(Duration.ofMinutes(2))
          .pollInterval(Duration.ofMillis(20))
          .until(() -> outside.roles().isEmpty() && outside.sessions().isEmpty());
      Duration dead = Faults.since(killed);
      Verdict verdict = watched.verdict("the broker never comes back");
      System.out.printf(
          "figure: never back, heartbeat %d s: sessions and roles dead after %d ms%n",
          HEARTBEAT.toSeconds(), dead.toMillis());
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().expired()).isEqualTo(8);
      for (Connection session : sessions) {
        session.close();
      }
    }
  }

  @Test
  void whatTheJournalHoldsIsTakenInBeforeItServes() {
    Faults.atLengthOnly();
    try (Watched watched = Watched.start(Watched.plan())) {
      watched.checker.impaired("the broker is down");
      Start empty = restart(watched);
      fill(watched);
      Duration floor = reading(watched.deployment.folder().resolve("journal/journal.db"));
      Start full = restart(watched);
      System.out.printf(
          "figure: %d open tasks in the journal: start to serving %d ms (%d ms of CPU), %d ms (%d"
              + " ms of CPU) with none; to read the bytes %d ms%n",
          EPOCHS,
          full.took().toMillis(),
          full.cpu().toMillis(),
          empty.took().toMillis(),
          empty.cpu().toMillis(),
          floor.toMillis());
      assertThat(watched.deployment.broker().log()).doesNotContain("A tick failed");
      if (Faults.LONG) { // figures are for a machine that has nothing else to do
        assertThat(full.took().minus(empty.took())).isLessThanOrEqualTo(Duration.ofSeconds(1));
      }
    }
  }

  /** From the start of its process until it serves; what runs on then has begun by then. */
  private record Start(Duration took, Duration cpu) {}

  private static Start restart(Watched watched) {
    BrokerProcess broker = watched.deployment.broker();
    broker.kill();
    long begun = System.nanoTime();
    broker.restart();
    Duration took = Faults.since(begun);
    return new Start(
        took,
        ProcessHandle.of(broker.pid())
            .flatMap(it -> it.info().totalCpuDuration())
            .orElse(Duration.ZERO));
  }

  /** What no journal could be faster than. */
  private static Duration reading(Path file) {
    long begun = System.nanoTime();
    try {
      assertThat(Files.readAllBytes(file)).isNotEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Faults.since(begun);
  }

  /** Epochs with a token each, which Vault does not know. */
  private static void fill(Watched watched) {
    watched.deployment.broker().kill();
    Time time = new Time(Clock.systemUTC(), System::nanoTime);
    try (SqliteJournal journal =
        SqliteJournal.open(watched.deployment.folder().resolve("journal"), time)) {
      List<Durable> written = new ArrayList<>();
      for (int i = 0; i < EPOCHS; i++) {
        Epoch epoch = new Epoch(TaskId.random(), 1);
        written.add(journal.intend(epoch, Stage.AGENT, Set.of("orders-db")));
        written.add(journal.bind(epoch, new Accessor("unknown-" + i)));
        if (written.size() >= 500) { // each has 10 s from now
          written.forEach(Durable::await);
          written.clear();
        }
      }
      written.forEach(Durable::await);
    }
  }
}
