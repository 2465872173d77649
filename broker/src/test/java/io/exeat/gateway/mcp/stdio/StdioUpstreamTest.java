package io.exeat.gateway.mcp.stdio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.attest.Peer;
import io.exeat.attest.ProcessHold;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.flow.Allowed;
import io.exeat.flow.CutOff;
import io.exeat.flow.Issued;
import io.exeat.flow.Judged;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.policy.Decision;
import io.exeat.task.Target;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** With servers that are shell scripts, as another user where the test runs as root. */
@Timeout(60)
final class StdioUpstreamTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SECRET = "s3cret:of\\the-task";
  private static final boolean ROOT = isRoot();

  /** Answers what it is asked, by the method. */
  private static final String SERVER =
      """
      echo this is no JSON
      echo "starting with $TOKEN" >&2
      while IFS= read -r line; do
        id=$(printf %s "$line" | sed -n 's/.*"id":\\([0-9]*\\).*/\\1/p')
        say() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$1"; }
        case $line in
          *'"method":"who"'*) say "{\\"pid\\":$$,\\"uid\\":$(id -u),\\"home\\":\\"$HOME\\"}" ;;
          *'"method":"environment"'*)
            say "{\\"token\\":\\"$TOKEN\\",\\"file\\":\\"$(cat "$KEY_FILE")\\",\\"user\\":\\"$PGUSER\\",\\"port\\":\\"$PGPORT\\"}" ;;
          *'"method":"passfile"'*) say "\\"$(sed 's/\\\\/\\\\\\\\/g' "$PGPASSFILE")\\"" ;;
          *'"method":"progress"'*)
            token=$(printf %s "$line" | sed -n 's/.*"progressToken":\\([0-9]*\\).*/\\1/p')
            printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\\n' "$token"
            say '{}' ;;
          *'"method":"ask"'*) printf '{"jsonrpc":"2.0","id":1,"method":"roots/list"}\\n'; say '{}' ;;
          *'"method":"unknown"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\\n' "$id" ;;
          *'"method":"initialize"'*) say '{"protocolVersion":"2025-11-25"}' ;;
          *'"method":"silence"'*) ;;
          *'"method":"notifications/'*) printf '%s\\n' "$line" >> "$HOME/heard" ;;
          *'"method":"heard"'*) say "$(cat "$HOME/heard")" ;;
          *'"method":"exit"'*) exit 3 ;;
          *'"method":"stray"'*)
            setsid sh -c 'trap "" TERM; while :; do sleep 0.1; done' & say "{\\"child\\":$!}" ;;
          *'"method":"slow"'*) trap 'touch "$HOME/told"' TERM; say '{}'; while :; do sleep 0.1; done ;;
          *'"method":"stubborn"'*)
            (trap '' TERM; while :; do sleep 0.1; done) & child=$!
            trap '' TERM; say "{\\"child\\":$child}"; while :; do sleep 0.1; done ;;
        esac
      done
      """;

  private final StdioUpstream upstream =
      new StdioUpstream(new Time(Clock.systemUTC(), System::nanoTime));
  private final TaskId task = TaskId.random();
  private final CutOff cutOff = new CutOff();
  private final Use use = use(task, cutOff);

  private static boolean isRoot() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Use use(TaskId task, CutOff cutOff) {
    Epoch epoch = new Epoch(task, 1);
    DecisionId decision = DecisionId.random();
    Held held =
        new Held(
            CredentialId.random(),
            epoch,
            "orders-read",
            "orders-db",
            new LeaseId("lease"),
            "x-role",
            Held.Kind.POSTGRES_ROLE,
            Held.State.ACTIVE,
            Instant.EPOCH,
            Instant.MAX,
            Optional.empty());
    Target target = new Target.Postgres("orders-db", "test", "127.0.0.1", 5432, "orders", false);
    Issued issued =
        new Issued(held, target, SecretBytes.adopt(SECRET.getBytes(StandardCharsets.UTF_8)));
    Judged judged =
        new Judged(
            decision,
            new Decision.Permit(List.of(), "hash"),
            Optional.of(new Allowed(decision, List.of(), () -> {}, () -> {})));
    return Use.of(judged, epoch, Optional.of(issued), cutOff);
  }

  private static UpstreamEntry entry(String user, String... words) {
    return new UpstreamEntry(
        "orders",
        "orders-read",
        new UpstreamEntry.Server.Command(
            List.of(words).stream().map(Template::new).toList(),
            user,
            Map.of("TOKEN", new Template("{secret}")),
            Map.of("KEY_FILE", new Template("key of {user}")),
            true),
        true,
        Duration.ofSeconds(3),
        Map.of(),
        Map.of(),
        Map.of());
  }

  private static final UpstreamEntry ENTRY =
      entry(ROOT ? "nobody" : RunAs.UNSAFE_SAME_USER, "sh", script(), "{database}");

  /** A file that any user may read. */
  private static String script() {
    try {
      Path file = Files.createTempFile("server", ".sh");
      file.toFile().deleteOnExit();
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
      return Files.writeString(file, SERVER).toString();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Outgoing.Post post(Optional<String> session, String json) {
    return new Outgoing.Post(session, Map.of(), Message.of(json.getBytes(StandardCharsets.UTF_8)));
  }

  private static String request(String id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\",\"params\":%s}"
        .formatted(id, method, params);
  }

  private Answer ask(Optional<String> session, String id, String method) {
    return upstream.send(ENTRY, use, post(session, request(id, method, "{}")));
  }

  private JsonNode result(Optional<String> session, String method) throws IOException {
    try (Answer answer = ask(session, "1", method)) {
      assertThat(answer.status()).isEqualTo(200);
      return JSON.readTree(answer.whole()).path("result");
    }
  }

  private JsonNode result(String method) throws IOException {
    return result(Optional.empty(), method);
  }

  @AfterEach
  void close() {
    upstream.close();
  }

  @Test
  void anAnswerHasTheIdOfItsRequest() throws IOException {
    try (Answer one = ask(Optional.empty(), "\"a\"", "who");
        Answer other = ask(Optional.empty(), "\"a\"", "who")) {
      assertThat(JSON.readTree(one.whole()).path("id").asText()).isEqualTo("a");
      assertThat(JSON.readTree(other.whole())).isEqualTo(JSON.readTree(one.whole()));
      assertThat(one.isStream()).isFalse();
      assertThat(one.session()).isEmpty();
    }
  }

  @Test
  void theCredentialIsWhereTheEntrySaysAndNowhereElse() throws IOException {
    assertThat(result("environment").toString())
        .isEqualTo(
            "{\"token\":\"s3cret:of\\the-task\",\"file\":\"key of x-role\",\"user\":\"x-role\","
                + "\"port\":\"5432\"}");
    assertThat(result("passfile").asText()).isEqualTo("*:*:*:*:s3cret\\:of\\\\the-task");
    long pid = result("who").path("pid").asLong();
    assertThat(Files.readString(Path.of("/proc/" + pid + "/cmdline")))
        .contains("orders")
        .doesNotContain("s3cret");
  }

  @Test
  void theServerIsAnotherUserAndItsHomeIsItsOwn() throws IOException {
    JsonNode who = result("who");
    Path home = Path.of(who.path("home").asText());
    assertThat(Files.getPosixFilePermissions(home)).hasSize(3); // rwx------
    if (ROOT) {
      assertThat(who.path("uid").asInt()).isNotZero();
      assertThat(Files.getAttribute(home, "unix:uid")).isEqualTo(who.path("uid").asInt());
    }
  }

  @Test
  void whatComesBeforeTheAnswerIsAStreamInTheClientsWords() throws IOException {
    String json = request("7", "progress", "{\"_meta\":{\"progressToken\":\"mine\"}}");
    try (Answer answer = upstream.send(ENTRY, use, post(Optional.empty(), json))) {
      assertThat(answer.isStream()).isTrue();
      List<String> said = new ArrayList<>();
      for (Optional<Event> next = answer.next(); next.isPresent(); next = answer.next()) {
        said.add(next.get().data().orElseThrow());
      }
      assertThat(said)
          .containsExactly(
              "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"mine\",\"progress\":1}}",
              "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}");
    }
  }

  @Test
  void aServerAsksNothingWithoutASession() throws IOException {
    try (Answer answer = ask(Optional.empty(), "7", "ask")) {
      assertThat(answer.isStream()).isFalse();
    }
    Optional<String> session = begin();
    try (Answer answer = ask(session, "7", "ask")) {
      assertThat(answer.next().orElseThrow().data().orElseThrow()).contains("roots/list");
      assertThat(answer.next().orElseThrow().data().orElseThrow()).contains("\"id\":7");
    }
  }

  private Optional<String> begin() {
    try (Answer answer = ask(Optional.empty(), "0", "initialize")) {
      assertThat(answer.session()).isPresent();
      return answer.session();
    }
  }

  @Test
  void aSessionIsAProcessOfItsOwnUntilItEnds() throws IOException {
    Optional<String> session = begin();
    long pid = result(session, "who").path("pid").asLong();
    assertThat(result(session, "who").path("pid").asLong()).isEqualTo(pid);
    assertThat(result(begin(), "who").path("pid").asLong()).isNotEqualTo(pid);
    assertThat(result("who").path("pid").asLong()).isNotEqualTo(pid);
    assertThat(upstream.send(ENTRY, use, new Outgoing.End(session, Map.of())).status())
        .isEqualTo(204);
    assertThat(ProcessHandle.of(pid)).isEmpty();
    assertThat(ask(session, "1", "who").status()).isEqualTo(404);
  }

  @Test
  void anotherTasksSessionDoesNotExist() {
    Optional<String> session = begin();
    Use other = use(TaskId.random(), new CutOff());
    assertThat(upstream.send(ENTRY, other, post(session, request("1", "who", "{}"))).status())
        .isEqualTo(404);
    assertThat(upstream.send(ENTRY, other, new Outgoing.End(session, Map.of())).status())
        .isEqualTo(404);
    assertThat(ask(session, "1", "who").status()).isEqualTo(200);
  }

  @Test
  void sessionsAreLimited() {
    for (int i = 0; i < 4; i++) {
      begin();
    }
    assertThatThrownBy(this::begin)
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Exhausted.class));
  }

  @Test
  void theEndOfTheEpochEndsTheServersAndTheirFolders() throws IOException {
    JsonNode one = result("who");
    Optional<String> session = begin();
    JsonNode other = result(session, "who");
    Answer listening = upstream.send(ENTRY, use, new Outgoing.Listen(session, Map.of()));
    cutOff.cut(new Fault.TaskEnded(task, "COMPLETED"));
    assertThat(listening.next()).isEmpty();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> {
          for (JsonNode each : List.of(one, other)) {
            assertThat(ProcessHandle.of(each.path("pid").asLong())).isEmpty();
            assertThat(Path.of(each.path("home").asText())).doesNotExist();
          }
        });
    assertThatThrownBy(() -> ask(Optional.empty(), "1", "who")).isInstanceOf(FaultException.class);
  }

  @Test
  void whoClosesAnAnswerWaitsNoLonger() {
    Answer listening = upstream.send(ENTRY, use, new Outgoing.Listen(begin(), Map.of()));
    Thread.ofVirtual().start(listening::close);
    assertThatThrownBy(listening::next).isInstanceOf(IOException.class);
  }

  @Test
  void whatIgnoresTermIsKilledWithItsChildren() throws IOException {
    JsonNode who = result("who");
    long child = result("stubborn").path("child").asLong();
    assertThat(ProcessHandle.of(child)).isPresent();
    cutOff.cut(new Fault.TaskEnded(task, "COMPLETED"));
    await()
        .atMost(Duration.ofSeconds(15))
        .untilAsserted(() -> {
          assertThat(ProcessHandle.of(who.path("pid").asLong())).isEmpty();
          assertThat(ProcessHandle.of(child).filter(ProcessHandle::isAlive)).isEmpty();
        });
  }

  @Test
  void whatIsBeingEndedWhenTheBrokerStopsIsGoneOnceItHas() throws IOException {
    JsonNode who = result("who");
    Path home = Path.of(who.path("home").asText());
    assertThat(result("slow").isObject()).isTrue();
    cutOff.cut(new Fault.TaskEnded(task, "COMPLETED"));
    await().until(() -> Files.exists(home.resolve("told")));

    upstream.close();

    assertThat(home).doesNotExist();
    assertThat(Path.of("/proc", who.path("pid").asText())).doesNotExist();
  }

  @Test
  void whatLeftItsGroupIsKilledToo() throws IOException {
    long stray = result("stray").path("child").asLong();
    assertThat(ProcessHandle.of(stray)).isPresent();
    cutOff.cut(new Fault.TaskEnded(task, "COMPLETED"));
    await()
        .atMost(Duration.ofSeconds(15))
        .untilAsserted(
            () -> assertThat(ProcessHandle.of(stray).filter(ProcessHandle::isAlive)).isEmpty());
  }

  @Test
  void aServerThatEndsIsStartedAgainAFewTimes() throws IOException {
    long first = result("who").path("pid").asLong();
    ask(Optional.empty(), "1", "exit").close();
    await().until(() -> ProcessHandle.of(first).isEmpty());
    assertThat(result("who").path("pid").asLong()).isNotEqualTo(first);
    await()
        .untilAsserted(() ->
            assertThatThrownBy(() -> ask(Optional.empty(), "1", "exit").close())
                .isInstanceOfSatisfying(
                    FaultException.class,
                    e -> assertThat(e.fault().toString()).contains("again and again")));
  }

  @Test
  void aSessionEndsWithItsServer() throws IOException {
    Optional<String> session = begin();
    ask(session, "1", "exit").close();
    await().untilAsserted(() -> assertThat(ask(session, "1", "who").status()).isEqualTo(404));
  }

  @Test
  void whoDoesNotAnswerIsToldThatNobodyWaits() throws IOException {
    Optional<String> session = begin();
    assertThatThrownBy(() -> ask(session, "\"x\"", "silence"))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class));
    await()
        .untilAsserted(() ->
            assertThat(result(session, "heard").toString())
                .contains("notifications/cancelled", "\"requestId\":2"));
  }

  @Test
  void aClientsCancelNamesTheServersId() throws IOException {
    Optional<String> session = begin();
    Thread.ofVirtual()
        .start(() -> {
          try {
            ask(session, "\"x\"", "silence").close();
          } catch (FaultException e) {
            // It was cancelled.
          }
        });
    String cancel =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"x\"}}";
    await()
        .untilAsserted(() -> {
          assertThat(upstream.send(ENTRY, use, post(session, cancel)).status()).isEqualTo(202);
          assertThat(result(session, "heard").toString()).contains("\"requestId\":2");
        });
  }

  @Test
  void anUnknownMethodHasItsStatusWithoutASession() {
    assertThat(ask(Optional.empty(), "1", "unknown").status()).isEqualTo(404);
    assertThat(ask(begin(), "1", "unknown").status()).isEqualTo(200);
  }

  @Test
  void aUserThatIsNobodyOrRootIsRefused() {
    for (String user : List.of("root", "there-is-no-such-user")) {
      assertThatThrownBy(() ->
              upstream.send(
                  entry(user, "cat"), use, post(Optional.empty(), request("1", "who", "{}"))))
          .isInstanceOfSatisfying(
              FaultException.class,
              e -> assertThat(e.fault().toString()).contains("cannot be started"));
    }
  }

  @Test
  void anAgentThatIsTheServersOwnUserIsRefused() throws IOException {
    int uid = result("who").path("uid").asInt();
    upstream.require(ENTRY, peer(uid + 1));
    if (ROOT) {
      assertThatThrownBy(() -> upstream.require(ENTRY, peer(uid)))
          .isInstanceOfSatisfying(
              FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Denied.class));
    }
  }

  /** This process, as if it were of another user. */
  private static Peer peer(int uid) {
    return new Peer.Local(
        1,
        uid,
        uid,
        1,
        new ProcessHold() {
          @Override
          public boolean alive() {
            return true;
          }

          @Override
          public String key() {
            return "1";
          }

          @Override
          public Subscription onDeath(Runnable then) {
            return () -> {};
          }
        });
  }

  @Test
  void whatAKilledBrokerLeftIsRemoved() throws IOException {
    Path theirs = Path.of("/dev/shm/exeat-mcp-4194999-1-" + "a".repeat(24));
    String own = PrivateFolder.owner(ProcessHandle.current().pid());
    Path living = Path.of("/dev/shm/exeat-mcp-" + own + "-" + "b".repeat(24));
    for (Path each : List.of(theirs, living)) {
      Files.createDirectories(each);
      Files.writeString(each.resolve("pgpass"), "");
      if (ROOT) {
        var nobody =
            each.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody");
        Files.setOwner(each.resolve("pgpass"), nobody);
        Files.setOwner(each, nobody);
      }
    }
    assertThat(result("who").path("pid").asLong()).isPositive();
    assertThat(theirs).doesNotExist();
    assertThat(living).exists();
    Files.delete(living.resolve("pgpass"));
    Files.delete(living);
  }

  @Test
  void aProgramThatIsNotThereLeavesNoFolderBehind() throws IOException {
    long before = folders();
    UpstreamEntry missing =
        entry(ROOT ? "nobody" : RunAs.UNSAFE_SAME_USER, "/there/is/no/such/program");
    // Whether its end is seen while it is told or while it is to answer.
    try (Answer answer =
        upstream.send(missing, use, post(Optional.empty(), request("1", "who", "{}")))) {
      assertThat(new String(answer.whole(), StandardCharsets.UTF_8)).contains("-32603");
    } catch (FaultException e) {
      assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class);
    }
    cutOff.cut(new Fault.TaskEnded(task, "COMPLETED"));
    await().untilAsserted(() -> assertThat(folders()).isEqualTo(before));
  }

  private static long folders() throws IOException {
    try (var all = Files.list(Path.of("/dev/shm"))) {
      return all.filter(it -> it.getFileName().toString().startsWith("exeat-mcp-")).count();
    }
  }
}
