package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.ExampleAgent;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.PlannerAndWorker;
import io.exeat.v1.DatabaseLogin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * {@code deploy/examples/planner-and-worker}: its programs, started as its manifests start them,
 * with its catalogue and its tables. A lock of the superuser's has a program wait where it has its
 * login, so that there is time to look.
 */
@Timeout(300)
@SuppressWarnings("NullAway.Init")
final class TheExamplesAgentsDoTheirWorkIT {
  private static final Duration LONG = Duration.ofMinutes(2);

  private static PlannerAndWorker example;
  private static Outside outside;
  private final List<Exeat.Running> started = new ArrayList<>();

  @BeforeAll
  static void start() {
    example = PlannerAndWorker.start();
    outside = example.outside();
  }

  @AfterAll
  static void stop() {
    if (example != null) {
      outside.close();
      example.close();
    }
  }

  @BeforeEach
  void asAtTheStart() {
    example
        .postgres()
        .execute(
            example.database(),
            "UPDATE orders SET state = CASE id WHEN 1 THEN 'late' ELSE 'sent' END");
    assertThat(orders()).containsExactly("1 late", "2 sent");
  }

  @AfterEach
  void nobodyIsLeft() {
    for (Exeat.Running each : started) {
      each.processes().forEach(ProcessHandle::destroyForcibly);
    }
    await().atMost(LONG).until(() -> outside.roles().isEmpty());
  }

  private Exeat.Running start(ExampleAgent agent) {
    Exeat.Running running = agent.start();
    started.add(running);
    return running;
  }

  private static List<String> orders() {
    return outside.query("SELECT id || ' ' || state FROM orders ORDER BY id");
  }

  /** What the program that waits has. */
  private record Seen(String task, DatabaseLogin login) {}

  /** Looks when the program waits for the superuser's lock. */
  private static Seen look(ExampleAgent agent, Exeat.Running running) throws IOException {
    await()
        .atMost(LONG)
        .until(() ->
            outside
                    .query(
                        "SELECT usename FROM pg_stat_activity"
                            + " WHERE usename LIKE 'x-t%' AND wait_event_type = 'Lock'")
                    .size()
                == 1);
    List<ProcessHandle> processes = running.processes();
    List<Map<String, String>> environments = new ArrayList<>();
    StringBuilder words = new StringBuilder();
    for (ProcessHandle each : processes) {
      Path of = Path.of("/proc", Long.toString(each.pid()));
      assertThat(Files.getAttribute(of, "unix:uid")).isEqualTo(agent.uid());
      environments.add(environment(of));
      words.append(Files.readString(of.resolve("cmdline"))).append('\n');
    }
    Map<String, String> own = environments.getLast();
    Path file = Path.of(own.get("PGPASSFILE"));
    assertThat(file).startsWith(agent.files());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(Files.getAttribute(file, "unix:uid")).isEqualTo(agent.uid());
    String line = Files.readString(file).strip();
    String password = line.substring(line.lastIndexOf(':') + 1);
    DatabaseLogin login =
        DatabaseLogin.newBuilder()
            .setDatabase(own.get("PGDATABASE"))
            .setUsername(own.get("PGUSER"))
            .setPassword(password)
            .build();
    assertThat(outside.login(login)).isEmpty();
    assertThat(outside.roles()).containsExactly(login.getUsername());
    assertThat(
            outside.query(
                "SELECT ssl FROM pg_stat_ssl NATURAL JOIN pg_stat_activity WHERE usename = '"
                    + login.getUsername()
                    + "'"))
        .containsExactly("t");
    // A password is nobody's but the file's; whoever started the program knows of no login at all.
    assertThat(environments.toString() + words + running.out()).doesNotContain(password);
    assertThat(environments.subList(0, environments.size() - 1))
        .isNotEmpty()
        .noneMatch(it -> it.containsKey("PGUSER") || it.containsKey("PGPASSFILE"));
    assertThat(own).doesNotContainKey("PGPASSWORD");
    return new Seen(own.getOrDefault("EXEAT_TASK", "none"), login);
  }

  private static Map<String, String> environment(Path process) throws IOException {
    Map<String, String> all = new TreeMap<>();
    for (String each : Files.readString(process.resolve("environ")).split("\0", -1)) {
      if (each.contains("=")) {
        all.put(each.replaceFirst("(?s)=.*", ""), each.replaceFirst("(?s)[^=]*=", ""));
      }
    }
    return all;
  }

  /** Nothing of it is left, and the audit chain has all of it. */
  private static void requireEnded(ExampleAgent agent, Seen seen, String cause) throws IOException {
    outside.requireDead(seen.task());
    assertThat(outside.login(seen.login())).startsWith("28");
    try (Stream<Path> files = Files.list(agent.files())) {
      assertThat(files).isEmpty();
    }
    List<JsonNode> records = example.audit(seen.task());
    assertThat(records)
        .extracting(it -> it.path("kind").asText())
        .containsSubsequence(
            "task.opened",
            "policy.decided",
            "credential.issued",
            "task.ending",
            "credential.dead",
            "task.ended");
    assertThat(records.toString()).contains(cause).doesNotContain(seen.login().getPassword());
  }

  private static Connection superuser(String lock) throws SQLException {
    Connection connection = example.postgres().superuser(example.database());
    connection.setAutoCommit(false);
    connection.createStatement().execute(lock);
    return connection;
  }

  @Test
  void thePlannerReadsTicketsWithALoginForThatAlone() throws Exception {
    ExampleAgent planner = example.agent("planner");
    Exeat.Running running;
    Seen seen;
    try (Connection _ = superuser("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")) {
      running = start(planner);
      seen = look(planner, running);
      assertThat(running.out()).isEmpty();
    }

    // Its end is the task's; every.py goes on, and has nothing until the next look.
    await().atMost(LONG).until(() -> running.processes().size() == 1 && !running.out().isEmpty());
    requireEnded(planner, seen, "COMPLETED");
    assertThat(running.out().lines().toList())
        .singleElement()
        .satisfies(line -> {
          JsonNode read = Said.line(line);
          assertThat(read.path("ticket").asInt()).isEqualTo(4711);
          assertThat(read.path("would").toString()).isEqualTo("[\"hasten\",\"cancel\"]");
        });
    assertThat(orders()).containsExactly("1 late", "2 sent");

    String out = running.out();
    running.signal("TERM");
    assertThat(running.end()).isEqualTo(new Said(0, out, ""));
  }

  @Test
  void aSignalToThePlannerEndsItsTaskFirst() throws Exception {
    ExampleAgent planner = example.agent("planner");
    try (Connection _ = superuser("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")) {
      Exeat.Running running = start(planner);
      Seen seen = look(planner, running);
      List<ProcessHandle> all = running.processes();

      running.signal("TERM");

      Said said = running.end();
      assertThat(said).isEqualTo(new Said(0, "", ""));
      assertThat(all).hasSize(3).noneMatch(ProcessHandle::isAlive);
      requireEnded(planner, seen, "CANCELLED");
    }
  }

  /** What a ticket could make of the planner, at worst: anything that its user can run. */
  @Test
  void whateverThePlannerIsToldItChangesNoOrder() {
    ExampleAgent planner = example.agent("planner");
    List<String> lent = upTo("--", planner.command());
    List<String> hostile = upTo("--", example.agent("worker").command());

    Said worker = start(planner.running(join(lent, after("--", example.agent("worker"))))).end();
    assertThat(worker.code()).as("%s", worker).isEqualTo(1);
    assertThat(worker.err())
        .startsWith("worker: this is not known to be done: permission denied for table orders");
    for (String sql :
        List.of(
            "SELECT state FROM orders",
            "DELETE FROM orders",
            "UPDATE tickets SET said = ''",
            "INSERT INTO tickets VALUES (1, 'returns', '')")) {
      Said said = start(planner.running(join(lent, python(sql)))).end();
      assertThat(said.code()).as("%s", said).isEqualTo(1);
      assertThat(said.err()).as(sql).contains("InsufficientPrivilege: permission denied for table");
    }

    Said asked = start(planner.running(join(hostile, List.of("true")))).end();
    assertThat(asked.code()).as("%s", asked).isEqualTo(1);
    assertThat(asked.err()).startsWith("exeat: OUTSIDE_CEILING");
    List<String> own = new ArrayList<>(lent);
    own.set(own.indexOf("tickets-read"), "orders-write");
    Said wider = start(planner.running(join(own, List.of("true")))).end();
    assertThat(wider.code()).as("%s", wider).isEqualTo(1);
    assertThat(wider.err()).startsWith("exeat: OUTSIDE_CEILING");
    assertThat(outside.leases("orders-write")).isEmpty();
    assertThat(orders()).containsExactly("1 late", "2 sent");
  }

  @Test
  void theWorkerChangesTheOrderOfItsTicketAndNoOther() throws Exception {
    ExampleAgent worker = example.agent("worker");
    Exeat.Running running;
    Seen seen;
    try (Connection _ = superuser("SELECT * FROM orders WHERE id = 1 FOR UPDATE")) {
      running = start(worker);
      seen = look(worker, running);
    }

    String done = "{\"ticket\": 4711, \"order\": 1, \"state\": \"hastened\"}\n";
    assertThat(running.end()).isEqualTo(new Said(0, done, ""));
    requireEnded(worker, seen, "COMPLETED");
    assertThat(orders()).containsExactly("1 hastened", "2 sent");

    // As a Job may try again.
    assertThat(start(worker).end()).isEqualTo(new Said(0, done, ""));
    assertThat(orders()).containsExactly("1 hastened", "2 sent");
    Said reads =
        start(worker.running(join(upTo("--", worker.command()), python("TABLE tickets")))).end();
    assertThat(reads.code()).isEqualTo(1);
    assertThat(reads.err()).contains("permission denied for table tickets");
  }

  @Test
  void whatCannotBeDoneIsSaidAndEndsThePod() {
    ExampleAgent worker = example.agent("worker");
    List<String> other = new ArrayList<>(worker.command());
    other.replaceAll(it -> it.replace("4711", "4712"));
    Said nothing = start(worker.running(other)).end();
    assertThat(nothing.code()).isEqualTo(1);
    assertThat(nothing.err())
        .isEqualTo("worker: no order belongs to ticket 4712: nothing was changed\n");

    for (ExampleAgent each : List.of(worker, example.agent("planner"))) {
      Said alone = start(each.with("EXEAT_SOCKET", "/nowhere/agent.sock")).end();
      assertThat(alone.code()).as("%s", alone).isEqualTo(3);
      assertThat(alone.err()).startsWith("exeat: no broker serves /nowhere/agent.sock");

      Said imposter = start(each.with("PGSSLROOTCERT", example.otherAuthority().toString())).end();
      assertThat(imposter.code()).as("%s", imposter).isEqualTo(1);
      assertThat(imposter.err()).contains("SSL error: certificate verify failed");
    }
  }

  private static List<String> python(String sql) {
    return List.of(
        "python3",
        "-c",
        "import psycopg, sys; psycopg.connect(autocommit=True).execute(sys.argv[1])",
        sql);
  }

  private static List<String> upTo(String word, List<String> command) {
    return command.subList(command.indexOf("exeat"), command.indexOf(word) + 1);
  }

  private static List<String> after(String word, ExampleAgent agent) {
    return agent.command().subList(agent.command().indexOf(word) + 1, agent.command().size());
  }

  private static List<String> join(List<String> first, List<String> then) {
    return Stream.concat(first.stream(), then.stream()).toList();
  }
}
