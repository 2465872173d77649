package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * An agent that holds on to what it was lent: it opens sessions in a loop from 6 to 32 threads, and
 * in each tries what could stand in the way of its end.
 */
final class HostileAgentIT {
  private static final int RUNS = Faults.times(60, 1000);

  /** In short the fewest mostly: they reconnect as often, with less of the machine. */
  private static final int[] THREADS =
      Faults.LONG ? new int[] {6, 12, 18, 24, 32} : new int[] {6, 6, 12, 6, 32};

  /** After a refusal. */
  private static final Duration REST = Duration.ofMillis(Faults.LONG ? 1 : 5);

  private static final List<String> TRICKS =
      List.of(
          "CREATE TEMP TABLE mine (id int)",
          "SET ROLE vaultadmin",
          "SET ROLE NONE",
          "ALTER ROLE CURRENT_USER PASSWORD 'mine'",
          "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
          "GRANT SELECT ON orders TO PUBLIC",
          "SELECT lo_create(0)",
          "BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE",
          "PREPARE TRANSACTION 'mine'",
          "SELECT pg_advisory_lock(1)",
          "LISTEN mine");

  @Test
  void noSessionSurvives() {
    AtomicInteger logins = new AtomicInteger();
    AtomicInteger tricks = new AtomicInteger();
    List<Duration> ends = new ArrayList<>();
    try (Watched watched = Watched.start(Watched.plan());
        WatchedAgent agent = new WatchedAgent(watched)) {
      for (int run = 0; run < RUNS; run++) {
        ends.add(race(agent, THREADS[run % THREADS.length], logins, tricks));
      }
      Verdict verdict = watched.verdict("a hostile agent");
      System.out.printf(
          "figure: race: %d runs of 6 to 32 threads, %d logins, %d tricks let through, survivors"
              + " %d, end to told dead %s%n",
          RUNS, logins.get(), tricks.get(), verdict.violations().size(), Faults.spread(ends));
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().live()).isZero();
      assertThat(logins.get()).isGreaterThan(RUNS);
    }
  }

  private static Duration race(
      WatchedAgent agent, int threads, AtomicInteger logins, AtomicInteger tricks) {
    Task task = agent.open(Stage.READ);
    Credential credential = agent.issue(task, Stage.READ);
    AtomicBoolean stop = new AtomicBoolean();
    ConcurrentLinkedQueue<Connection> kept = new ConcurrentLinkedQueue<>();
    List<Thread> hostile = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      int which = i;
      hostile.add(
          Thread.ofPlatform()
              .start(() -> {
                for (int turn = which; !stop.get(); turn++) {
                  attack(agent, credential, TRICKS.get(turn % TRICKS.size()), kept, tricks);
                }
              }));
    }
    for (int wait = 0; kept.size() < 3 && wait < 200; wait++) {
      LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
    }
    long begun = System.nanoTime();
    Task ended = agent.complete(task);
    Duration took = Faults.since(begun);
    // It goes on trying while the checker looks.
    LockSupport.parkNanos(Duration.ofMillis(30).toNanos());
    stop.set(true);
    hostile.forEach(HostileAgentIT::join);
    logins.addAndGet(kept.size());
    kept.forEach(HostileAgentIT::close);
    assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    return took;
  }

  private static void attack(
      WatchedAgent agent,
      Credential credential,
      String trick,
      ConcurrentLinkedQueue<Connection> kept,
      AtomicInteger tricks) {
    try {
      Connection session = agent.session(credential);
      kept.add(session);
      try (Statement statement = session.createStatement()) {
        statement.execute(trick);
        tricks.incrementAndGet();
      }
    } catch (SQLException e) {
      // Refused, or cut off; its connections are limited too.
      LockSupport.parkNanos(REST.toNanos());
    }
  }

  private static void close(Connection session) {
    try {
      session.close();
    } catch (SQLException e) {
      // It is cut off.
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
