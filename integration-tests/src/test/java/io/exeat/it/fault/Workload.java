package io.exeat.it.fault;

import static org.awaitility.Awaitility.await;

import io.exeat.identity.development.Entry;
import io.exeat.it.checker.Checker;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** What agents do, from lawful to hostile, so that whatever a broker does wrong can be seen. */
final class Workload {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int HAMMERS = 6;

  /** Beside the usual. */
  enum Part {
    /** Certificates are lent, and the issuer's list is made late. */
    CERTIFICATES,
    /** A credential is held until it was renewed. */
    RENEWAL,
    /** The database is away while a task ends. */
    DATABASE_AWAY,
    /** The broker is killed, and starts again. */
    RESTART,
    /** An agent asks for what only another may have. */
    TOO_MUCH,
    /** An agent reconnects as fast as it can while its task ends. */
    HAMMER
  }

  private final Watched watched;
  private final WatchedAgent agent;
  private final List<Connection> sessions = new ArrayList<>();

  Workload(Watched watched, WatchedAgent agent) {
    this.watched = watched;
    this.agent = agent;
  }

  void run(Set<Part> parts) throws SQLException {
    if (parts.contains(Part.CERTIFICATES)) {
      certificates();
      endWithoutList();
    }
    usual();
    if (parts.contains(Part.HAMMER)) {
      hammer();
    }
    if (parts.contains(Part.TOO_MUCH)) {
      askForTooMuch();
    }
    if (parts.contains(Part.RENEWAL)) {
      hold();
    }
    if (parts.contains(Part.DATABASE_AWAY)) {
      endWithoutDatabase();
    }
    if (parts.contains(Part.RESTART)) {
      killAndRestart();
    }
    for (Connection session : sessions) {
      session.close();
    }
  }

  private void usual() throws SQLException {
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Task task = agent.open(Stage.READ, Stage.WRITE);
      tasks.add(task);
      sessions.add(agent.session(agent.issue(task, Stage.READ)));
    }
    Task changed = agent.changeScope(tasks.get(0), Stage.READ);
    sessions.add(agent.session(agent.issue(changed, Stage.READ)));
    agent.release(agent.issue(tasks.get(1), Stage.WRITE));
    Task brief = agent.openFor(Duration.ofSeconds(3), Stage.READ);
    sessions.add(agent.session(agent.issue(brief, Stage.READ)));
    var _ = agent.complete(changed);
    var _ = agent.complete(tasks.get(1));
    var _ = agent.cancel(tasks.get(2));
    await().atMost(SOON).until(() -> isEnded(brief));
  }

  private void certificates() {
    Task task = agent.open(Stage.TLS, Stage.READ);
    agent.release(agent.issue(task, Stage.TLS));
    var _ = agent.issue(task, Stage.TLS);
    Task changed = agent.changeScope(task, Stage.TLS);
    var _ = agent.issue(changed, Stage.TLS);
    var _ = agent.complete(changed);
  }

  /** Vault says at once that a certificate is revoked; its list has it later. */
  private void endWithoutList() {
    Task task = agent.open(Stage.TLS);
    var _ = agent.issue(task, Stage.TLS);
    watched.checker.impaired("the list is late");
    watched.stage.vault().makeListLate(true);
    try {
      var _ = agent.completeWithin(task, Duration.ofSeconds(2));
      var _ = agent.get(task);
    } finally {
      // On a thread of its own: this one may be interrupted, and Vault is everybody's.
      CompletableFuture.runAsync(() -> watched.stage.vault().makeListLate(false)).join();
      watched.checker.mended(Checker.HEALTHY);
    }
    await().atMost(SOON).until(() -> isEnded(task));
  }

  private void hold() throws SQLException {
    Task task = agent.open(Stage.READ);
    sessions.add(agent.session(agent.issue(task, Stage.READ)));
    // A third of its lease is 4 s.
    LockSupport.parkNanos(Duration.ofSeconds(5).toNanos());
    long seen = watched.checker.looks();
    await().atMost(SOON).until(() -> watched.checker.looks() > seen + 4);
    var _ = agent.complete(task);
  }

  private void hammer() {
    Task task = agent.open(Stage.READ);
    Credential credential = agent.issue(task, Stage.READ);
    AtomicBoolean stop = new AtomicBoolean();
    ConcurrentLinkedQueue<Connection> open = new ConcurrentLinkedQueue<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < HAMMERS; i++) {
      threads.add(Thread.ofPlatform().start(() -> reconnect(credential, stop, open)));
    }
    LockSupport.parkNanos(Duration.ofMillis(300).toNanos());
    try {
      var _ = agent.complete(task);
      // What it has connected now it keeps.
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    } finally {
      stop.set(true);
      threads.forEach(Workload::join);
    }
    sessions.addAll(open);
  }

  private void reconnect(
      Credential credential, AtomicBoolean stop, ConcurrentLinkedQueue<Connection> open) {
    while (!stop.get()) {
      try {
        open.add(agent.session(credential));
        Connection oldest = open.size() > HAMMERS ? open.poll() : null;
        if (oldest != null) {
          oldest.close();
        }
      } catch (SQLException e) {
        Thread.onSpinWait();
      }
    }
  }

  private void askForTooMuch() {
    try (AgentProcess other = AgentProcess.start(watched.deployment.socket(), Optional.empty())) {
      watched.stage.authority().add(Entry.ofPid(Stage.OTHER, other.pid()));
      String answer = other.does("open " + Stage.WRITE);
      for (int i = 0; answer.startsWith("refused DEADLINE_EXCEEDED") && i < 3; i++) {
        answer = other.does("open " + Stage.WRITE); // its process was slow to begin with
      }
      if (answer.startsWith("ok")) {
        String task = answer.split(" ", -1)[1];
        var _ = other.does("issue " + task + " " + Stage.WRITE);
        var _ = other.does("complete " + task);
      }
    }
  }

  private void endWithoutDatabase() throws SQLException {
    Task task = agent.open(Stage.READ);
    Credential credential = agent.issue(task, Stage.READ);
    Checker checker = watched.checker;
    checker.impaired("Postgres is down");
    watched.stage.postgres().stop();
    try {
      var _ = agent.completeWithin(task, Duration.ofSeconds(4));
      var _ = agent.get(task);
    } finally {
      watched.stage.postgres().start();
      checker.mended(Checker.HEALTHY);
    }
    await().atMost(SOON).until(() -> isEnded(task));
    try (Connection _ = agent.session(credential)) {
      System.out.println("the workload: a login of a task that has ended was let in");
    } catch (SQLException e) {
      // As it should be.
    }
  }

  private void killAndRestart() throws SQLException {
    Task task = agent.open(Stage.READ, Stage.WRITE);
    sessions.add(agent.session(agent.issue(task, Stage.READ)));
    var _ = agent.issue(task, Stage.WRITE);
    watched.checker.impaired("the broker is down");
    watched.deployment.broker().kill();
    watched.deployment.broker().restart();
    watched.checker.mended(Checker.HEALTHY);
  }

  private boolean isEnded(Task task) {
    return agent.get(task).getState() == TaskState.TASK_STATE_ENDED;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
