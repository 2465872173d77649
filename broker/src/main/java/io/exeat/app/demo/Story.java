package io.exeat.app.demo;

import io.exeat.app.Setup;
import io.exeat.app.stage.Folders;
import io.exeat.app.stage.Running;
import io.exeat.audit.ChainFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** What happens, scene by scene. */
final class Story {
  private static final String READ = "sql SELECT id, customer, state FROM orders WHERE id = 4711";
  private static final String WRITE = "sql UPDATE orders SET state = 'refunded' WHERE id = 4711";

  private final Stage stage;
  private final Screen screen;
  private String opened = "";

  Story(Stage stage, Screen screen) {
    this.stage = stage;
    this.screen = screen;
  }

  void play() {
    leave();
    stranger();
    killed();
    audit();
  }

  private void leave() {
    screen.scene("An agent takes a leave");
    try (Agent agent = stage.agent()) {
      screen.say("Process " + agent.pid() + " runs as " + stage.describeAgent() + ".");
      screen.say("Its environment is empty: no password, no token, no key. It knows one socket.");
      String task = tell(agent, "open orders-read");
      opened = task.split(" ", -1).length > 1 ? task.split(" ", -1)[1] : "";
      screen.claim("it was attested and its task is open", task, it -> it.startsWith("ok t"));
      String first = role(tell(agent, "issue orders-read"));
      screen.claim(
          "Postgres has a role for this task alone", stage.database().hasRole(first), first);
      screen.claim("it reads an order", tell(agent, READ), it -> it.contains("Ada"));
      screen.claim(
          "a write is refused BY POSTGRES (42501, insufficient_privilege)",
          tell(agent, WRITE),
          it -> it.contains("42501"));

      screen.scene("It changes what it may hold: the old credential dies first");
      screen.claim(
          "epoch 2 is open",
          tell(agent, "scope orders-write"),
          it -> it.startsWith("ok") && it.endsWith(" 2"));
      screen.claim("its open session is dead", tell(agent, READ), it -> it.startsWith("refused"));
      screen.claim(
          "the old login is refused",
          tell(agent, "login"),
          it -> it.startsWith("refused SQLSTATE 28"));
      screen.claim("the old role is gone from Postgres", !stage.database().hasRole(first), first);
      String second = role(tell(agent, "issue orders-write"));
      screen.claim("with the new one it writes", tell(agent, WRITE), it -> it.equals("ok 1 rows"));
      screen.claim("and the row says so", stage.database().stateOf(4711), "refunded"::equals);

      screen.scene("It completes");
      screen.claim(
          "the answer comes when all is proven dead",
          tell(agent, "complete"),
          it -> it.equals("ok TASK_STATE_ENDED"));
      screen.claim(
          "its login is refused", tell(agent, "login"), it -> it.startsWith("refused SQLSTATE 28"));
      screen.claim("the role is gone", !stage.database().hasRole(second), second);
      screen.claim(
          "no role and no session that was lent is left in Postgres",
          stage.database().lentRoles() + " roles, " + stage.database().lentSessions() + " sessions",
          "0 roles, 0 sessions"::equals);
    }
  }

  private void stranger() {
    screen.scene("Another process, that nobody registered, asks for the same");
    try (Agent stranger = stage.stranger()) {
      screen.claim(
          "it gets nothing, because nobody vouches for it",
          tell(stranger, "open orders-read"),
          it -> it.startsWith("refused UNAUTHENTICATED"));
      screen.claim(
          "not even the first agent's task, of which it knows the name",
          tell(stranger, "get " + opened),
          it -> it.startsWith("refused UNAUTHENTICATED"));
      screen.claim("nothing was made for it", stage.database().lentRoles() == 0, "");
    }
  }

  private void killed() {
    screen.scene("The sidecar is killed with -9 in the middle of a task");
    try (Agent agent = stage.agent()) {
      var _ = tell(agent, "open orders-read");
      String role = role(tell(agent, "issue orders-read"));
      screen.claim("the agent works", tell(agent, READ), it -> it.startsWith("ok"));
      long pid = stage.sidecar().pid();
      stage.sidecar().kill();
      long killedAt = System.nanoTime();
      screen.done("demo", "kill -9 " + pid, "gone; nobody is left who could revoke");
      screen.claim("its role is still there, for now", stage.database().hasRole(role), role);
      screen.say(
          "Vault hears no heartbeat any more. It ends what hangs on it by itself, within "
              + Stage.SESSION_TTL.toSeconds()
              + " s here (2 min outside the demo) ...");
      Duration bound = Stage.SESSION_TTL.plusSeconds(10);
      while (stage.database().hasRole(role) && since(killedAt).compareTo(bound) < 0) {
        Setup.pause(Duration.ofMillis(200));
      }
      screen.claim(
          "Vault has ended the credential",
          !stage.database().hasRole(role),
          "%.1f s after the kill".formatted(since(killedAt).toMillis() / 1000.0));
      screen.claim(
          "the agent's session is dead", tell(agent, READ), it -> it.startsWith("refused"));
      screen.claim(
          "its login is refused", tell(agent, "login"), it -> it.startsWith("refused SQLSTATE 28"));
    }
    stage.startSidecar();
    screen.claim(
        "a new sidecar settles what the journal held",
        Setup.awaitNothingPending(
            stage.socket().resolveSibling("admin.sock"), Duration.ofSeconds(15)),
        "nothing is pending");
  }

  private void audit() {
    screen.scene("What happened is written down, and cannot be changed unseen");
    Running sidecar = stage.sidecar();
    sidecar.close();
    screen.claim(
        "the sidecar stops cleanly", sidecar.exitCode(Duration.ofSeconds(10)) == 0, "exit code 0");
    String sound = Setup.auditVerify(stage.audit());
    screen.done("demo", "exeat audit verify", sound);
    screen.claim("the chain verifies", sound.startsWith("sound"), "");
    Path copy = copy();
    Path changed = flipOneByte(copy);
    String broken = Setup.auditVerify(copy);
    screen.done(
        "demo",
        "one byte of " + changed.getFileName() + " flipped",
        broken.replace(stage.audit() + "/", ""));
    screen.claim("the flipped byte is found", !broken.startsWith("sound"), "");
  }

  /** The chain itself stays whole: a sidecar refuses to go on with a damaged one. */
  private Path copy() {
    Path copy = Folders.make(stage.folder(), "audit-copy", "rwx------");
    try {
      for (Path file : ChainFiles.in(stage.audit())) {
        Files.copy(file, copy.resolve(String.valueOf(file.getFileName())));
      }
      return copy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path flipOneByte(Path folder) {
    try {
      Path file = ChainFiles.in(folder).getFirst();
      byte[] bytes = Files.readAllBytes(file);
      bytes[bytes.length / 2] ^= 1;
      Files.write(file, bytes);
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String tell(Agent agent, String order) {
    String answer = agent.does(order);
    screen.done("agent", order, answer);
    return answer;
  }

  private static String role(String answer) {
    return answer.startsWith("ok ") ? answer.substring(3) : "";
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }
}
