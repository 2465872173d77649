package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Stage;
import io.exeat.v1.DatabaseLogin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What an agent does with {@code exeat}, as a process and, where root runs this, a user of its own.
 */
final class AnAgentUsesTheCommandLineIT extends Scenarios {
  /** For a process to begin: on a busy machine it may take that. */
  private static final Duration LONG = Duration.ofMinutes(3);

  private static final String NO_TASK = "t00000000000000000000";

  AnAgentUsesTheCommandLineIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }

  private Exeat agent() {
    return Exeat.as(Stage.AGENT).with("EXEAT_SOCKET", deployment.socket());
  }

  private String open() {
    JsonNode task =
        ok(agent()
                .run(
                    "task",
                    "open",
                    "--intent",
                    "answer-ticket",
                    "-p",
                    "ticket=4711",
                    "--scope",
                    Stage.READ,
                    "--note",
                    "for people",
                    "--json"))
            .json();
    assertThat(task.path("agent").asText()).isEqualTo(Stage.AGENT.toString());
    assertThat(task.path("state").asText()).isEqualTo("TASK_STATE_OPEN");
    return task.path("id").asText();
  }

  private static Said ok(Said said) {
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.err()).isEmpty();
    return said;
  }

  @Test
  void aLeaveFromOpenToComplete() {
    String task = open();

    Said issued =
        ok(
            agent()
                .run(
                    "credential",
                    "issue",
                    "--task",
                    task,
                    "--grant",
                    Stage.READ,
                    "--show",
                    "--json"));
    JsonNode database = issued.json().path("database");
    DatabaseLogin login =
        DatabaseLogin.newBuilder()
            .setDatabase(database.path("database").asText())
            .setUsername(database.path("username").asText())
            .setPassword(database.path("password").asText())
            .build();
    assertThat(outside.roles(task)).containsExactly(login.getUsername());
    assertThat(outside.login(login)).isEmpty();

    Said got = ok(agent().run("task", "get", task));
    assertThat(got.out())
        .contains("task     " + task + "  OPEN")
        .contains("answer-ticket (ticket=4711)")
        .contains(Stage.READ + "  (epoch 1)")
        .contains("held     ")
        .doesNotContain(login.getPassword());

    Said changed = ok(agent().run("task", "scope", task, "--scope", Stage.WRITE));
    assertThat(changed.out()).contains(Stage.WRITE + "  (epoch 2)").contains("proven dead at");
    assertThat(outside.roles(task)).isEmpty();
    assertThat(outside.login(login)).startsWith("28");

    Said completed = ok(agent().with("EXEAT_TASK", task).run("task", "complete"));
    assertThat(completed.out()).contains("ENDED  (COMPLETED, proven dead at");
    outside.requireDead(task);

    Said late = agent().run("credential", "issue", "--task", task, "--grant", Stage.WRITE);
    assertThat(late.code()).isEqualTo(1);
    assertThat(late.err()).startsWith("exeat: TASK_ENDED").contains("open another one");
  }

  @Test
  void thePasswordIsShownToNobodyUnlessAskedForAndGoesIntoAFileOfOnesOwn() throws IOException {
    String task = open();
    Path folder = Files.createTempDirectory("exeat-out");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path file = folder.resolve("login.pgpass");

    Said issued =
        ok(
            agent()
                .run(
                    "credential",
                    "issue",
                    "--task",
                    task,
                    "--grant",
                    Stage.READ,
                    "--out",
                    file.toString()));
    assertThat(issued.out()).contains("(not shown: --show or --out FILE)");
    String line = Files.readString(file).strip();
    String password = line.substring(line.lastIndexOf(':') + 1);
    assertThat(issued.out()).doesNotContain(password);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    String[] fields = line.split(":", -1);
    assertThat(
            outside.login(
                DatabaseLogin.newBuilder()
                    .setDatabase(fields[2])
                    .setUsername(fields[3])
                    .setPassword(password)
                    .build()))
        .isEmpty();

    // A file that exists is not overwritten, and then nothing is lent either.
    Said again =
        agent()
            .run(
                "credential",
                "issue",
                "--task",
                task,
                "--grant",
                Stage.READ,
                "--out",
                file.toString());
    assertThat(again.code()).isEqualTo(2);
    assertThat(again.err()).contains("it exists").contains("Nothing was lent");
    assertThat(outside.roles(task)).hasSize(1);
    assertThat(Files.readString(file).strip()).isEqualTo(line);

    String credential =
        ok(agent().run("task", "get", task, "--json"))
            .json()
            .path("credentials")
            .path(0)
            .path("id")
            .asText();
    Said released = ok(agent().run("credential", "release", "--task", task, credential, "--json"));
    assertThat(released.json().path("provenDead").asBoolean()).isTrue();
    assertThat(outside.roles(task)).isEmpty();
    Files.delete(file);
    Files.delete(folder);
  }

  @Test
  void watchTellsEachEventUntilTheTaskHasEnded() {
    String task = open();
    Exeat.Running watching = agent().start("task", "watch", task, "--json");
    await().atMost(LONG).until(() -> watching.out().contains("OPEN"));
    ok(agent().run("task", "cancel", task, "--note", "no longer needed"));
    Said watched = watching.end();
    assertThat(watched.code()).isZero();
    List<JsonNode> events = watched.out().lines().map(Said::line).toList();
    assertThat(events).hasSizeGreaterThanOrEqualTo(2);
    assertThat(events.getLast().toString()).contains("TASK_STATE_ENDED", "END_CAUSE_CANCELLED");
  }

  @Test
  void execLendsForAsLongAsItsCommandRuns() {
    Said ran =
        agent()
            .run(
                "exec",
                "--intent",
                "answer-ticket",
                "-p",
                "ticket=4711",
                "--grant",
                Stage.WRITE,
                "--",
                "sh",
                "-c",
                "psql -Atc 'SELECT customer FROM orders WHERE id = 4711' && echo $EXEAT_TASK && test -z"
                    + " \"$PGPASSWORD\" && ls -l $PGPASSFILE && exit 7");
    assertThat(ran.code()).as("%s", ran).isEqualTo(7);
    List<String> lines = ran.out().lines().toList();
    assertThat(lines.get(0)).isEqualTo("Ada");
    assertThat(lines.get(2)).startsWith("-rw-------");
    outside.requireDead(lines.get(1));
    assertThat(Path.of(lines.get(2).substring(lines.get(2).indexOf('/')))).doesNotExist();
  }

  @Test
  void aSignalToExecEndsItsCommandAndTheTask() {
    Exeat.Running running =
        agent()
            .start(
                "exec",
                "--intent",
                "answer-ticket",
                "-p",
                "ticket=4711",
                "--grant",
                Stage.READ,
                "--",
                "sh",
                "-c",
                "echo $EXEAT_TASK; exec sleep 3600");
    await().atMost(LONG).until(() -> running.out().endsWith("\n"));
    String task = running.out().strip();
    assertThat(outside.roles(task)).hasSize(1);
    running.signal("TERM");
    assertThat(running.end().code()).isEqualTo(128 + 15);
    outside.requireDead(task);
  }

  @Test
  void whatIsRefusedSaysWhatToDoNext() {
    String task = open();

    Said foreign =
        Exeat.as(Stage.OTHER)
            .with("EXEAT_SOCKET", deployment.socket())
            .run("task", "get", task, "--json");
    assertThat(foreign.code()).isEqualTo(1);
    assertThat(foreign.json().at("/error/reason").asText()).isEqualTo("NO_SUCH_TASK");
    assertThat(foreign.json().at("/error/exitCode").asInt()).isEqualTo(1);
    assertThat(foreign.err()).contains("open one");
    Said unknown = agent().run("task", "get", NO_TASK);
    assertThat(unknown.err().replace(NO_TASK, task)).isEqualTo(foreign.err());

    Said outside = agent().run("task", "scope", task, "--scope", "payroll-read");
    assertThat(outside.code()).isEqualTo(1);
    assertThat(outside.err()).startsWith("exeat: OUTSIDE_CEILING").contains("its owner can change");

    Said stranger =
        Exeat.asStranger().with("EXEAT_SOCKET", deployment.socket()).run("task", "get", task);
    assertThat(stranger.code()).isEqualTo(1);
    assertThat(stranger.err())
        .startsWith("exeat: UNATTESTED")
        .contains("have it registered with SPIRE");

    Said wrong = agent().run("task", "get", "4711");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err()).startsWith("exeat: MALFORMED: task_id");

    Said none = agent().run("task", "get");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("set EXEAT_TASK").contains("exeat task get --help");

    Said option = agent().run("task", "get", task, "--jsn");
    assertThat(option.code()).isEqualTo(2);
    assertThat(option.err()).contains("--jsn").contains("exeat task get --help");
    assertThat(option.err().lines()).hasSizeLessThan(5);

    Said missing =
        Exeat.as(Stage.AGENT)
            .with("EXEAT_SOCKET", "/nowhere/agent.sock")
            .run("task", "get", task, "--json");
    assertThat(missing.code()).isEqualTo(3);
    assertThat(missing.json().at("/error/reason").asText()).isEqualTo("NO_BROKER");
    assertThat(missing.err()).contains("exeat run").contains("EXEAT_SOCKET");
  }
}
