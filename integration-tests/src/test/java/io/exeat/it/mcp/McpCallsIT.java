package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.RecordingUpstream;
import io.exeat.it.environment.Stage;
import io.exeat.policy.CanonicalJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Calls of every kind, many at once: of both eras, over the socket and through {@code exeat mcp},
 * to a server by URL and to one that the broker starts, good ones and bad ones. What the servers
 * did is exactly what was allowed before, each once; {@code -Dexeat.faults.long=true} makes 10,000
 * of them.
 */
@Timeout(1_800)
class McpCallsIT {
  private static final int CALLS = Boolean.getBoolean("exeat.faults.long") ? 10_000 : 800;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String INITIALIZE =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
          + "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"it\",\"version\":\"1\"}}}";
  private static final int AGENTS = 4;
  private static final int CALLS_OF_A_TASK =
      200; // a task that is denied 100 times gets nothing more
  private static final long SEED = Long.getLong("exeat.seed", new Random().nextLong());

  private static final String WRITE = "      write: {step: administer, risk: 95}\n";

  /** What is denied for what it is given: the tool is there all the same. */
  private static final String POLICY =
      """
      @id("marked") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.arguments.hasTag("denied") };
      """;

  /** Waits for an operator's yes, which nobody gives. */
  private static final String PAY = "      pay: {step: retrieve, risk: 92}\n";

  /** A server that keeps every call that it is told to make, with the time by the same clock. */
  private static final String STARTED =
      """
      while IFS= read -r line; do
        id=$(printf '%s' "$line" | sed -n 's/.*"id":\\("[^"]*"\\|[0-9]*\\).*/\\1/p')
        result='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}'
        case "$line" in
          *tools/call*)
            printf '%s %s\\n' "$(date +%s%N)" "$line" >> "$1"
            result='{"content":[{"type":"text","text":"done"}]}' ;;
          *tools/list*)
            result='{"tools":[{"name":"read","inputSchema":{}},{"name":"write","inputSchema":{}},{"name":"pay","inputSchema":{}}]}' ;;
        esac
        [ -z "$id" ] || printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$result"
      done
      """;

  /** What was asked. */
  private enum Kind {
    ALLOWED(4),
    DENIED(1),
    ASKED(1),
    HIDDEN(1),
    OTHER_NAME_IN_THE_HEADER(1),
    OTHER_METHOD_IN_THE_HEADER(1),
    NO_HEADER(1),
    NAME_TWICE(1),
    BATCH(1),
    BROKEN(1),
    UNKNOWN_METHOD(1),
    NOBODYS_TASK(1),
    NOT_THE_WIRE(1),
    NOTICE(1),
    HIDDEN_RESOURCE(1),
    HIDDEN_PROMPT(1),
    LEGACY_ALLOWED(3),
    LEGACY_DENIED(1),
    LEGACY_ASKED(1),
    LEGACY_HIDDEN(1),
    LEGACY_NAME_TWICE(1),
    LEGACY_BATCH(1),
    LEGACY_OTHER_SESSION(1),
    LEGACY_SESSION_OF_ANOTHER_TASK(1),
    LINE_ALLOWED(2),
    LINE_DENIED(1),
    LINE_ASKED(1),
    LINE_HIDDEN(1),
    LINE_NAME_TWICE(1),
    LINE_BATCH(1),
    LINE_BROKEN(1),
    STARTED_ALLOWED(2),
    STARTED_DENIED(1),
    STARTED_ASKED(1),
    STARTED_HIDDEN(1),
    STARTED_NAME_TWICE(1);

    private final int weight;

    Kind(int weight) {
      this.weight = weight;
    }

    boolean isDenied() {
      return name().endsWith("DENIED");
    }

    boolean isAsked() {
      return name().endsWith("ASKED");
    }

    boolean isAllowed() {
      return name().endsWith("ALLOWED");
    }

    static Kind some(Random random) {
      List<Kind> all = new ArrayList<>();
      for (Kind each : values()) {
        for (int i = 0; i < each.weight; i++) {
          all.add(each);
        }
      }
      return all.get(random.nextInt(all.size()));
    }
  }

  /**
   * @param answer as HTTP has it, or a line of the shim's
   */
  private record Asked(Kind kind, String mark, int status, JsonNode answer) {}

  /** What a server did. */
  private record Effect(Instant at, JsonNode call) {
    String mark() {
      return call.at("/params/arguments/mark").asText();
    }
  }

  private final Queue<Asked> asked = new ConcurrentLinkedQueue<>();

  @Test
  void everyEffectWasAllowedOnceAndNothingElseHappened() throws Exception {
    System.out.println("mcp calls: seed " + SEED);
    Path folder = Stage.get().newFolder("calls");
    Path effects = folder.resolve("effects");
    Files.setPosixFilePermissions(
        Files.createFile(effects), PosixFilePermissions.fromString("rw-rw-rw-"));
    Path script = Files.writeString(folder.resolve("recorder.sh"), STARTED);
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(
                McpStage.at("recording", upstream.address(), List.of("read"))
                    + WRITE
                    + PAY
                    + started(script, effects),
                POLICY);
        ExecutorService agents = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<Boolean>> work = new ArrayList<>();
      for (int i = 0; i < AGENTS; i++) {
        Random random = new Random(SEED + i);
        String name = "m" + i + "x";
        boolean modernLines = i % 2 == 0;
        work.add(() -> calls(stage, name, random, modernLines));
      }
      for (var done : agents.invokeAll(work)) {
        assertThat(done.get()).isTrue();
      }
      List<Effect> all = new ArrayList<>();
      upstream.calls().forEach(it -> all.add(new Effect(it.at(), it.json())));
      for (String line : Files.readAllLines(effects)) {
        String[] parts = line.split(" ", 2);
        Instant at = Instant.EPOCH.plusNanos(Long.parseLong(parts[0]));
        all.add(new Effect(at, JSON.readTree(parts[1])));
      }
      assertThat(upstream.seen())
          .noneMatch(it -> it.headers().containsKey("exeat-task"))
          .noneMatch(it -> it.json().path("method").asText().matches("resources/.*|prompts/.*"));
      compare(all, stage);
    }
  }

  private static String started(Path script, Path effects) {
    return "  started:\n    command: [sh, %s, %s]\n    user: %s\n    grant: %s\n"
            .formatted(
                script, effects, OtherUser.isRoot() ? "nobody" : "unsafe-same-user", McpStage.USE)
        + "    definitions: unsafe-any\n    tools:\n      read: {step: retrieve}\n"
        + WRITE
        + PAY;
  }

  private boolean calls(McpStage stage, String name, Random random, boolean modernLines)
      throws IOException {
    Agent agent = new Agent(stage, modernLines);
    for (int i = 0; i < CALLS / AGENTS; i++) {
      if (i % CALLS_OF_A_TASK == 0) {
        agent.begin();
      }
      Kind kind = Kind.some(random);
      String mark = name + i;
      asked.add(agent.ask(kind, i, mark));
    }
    agent.close();
    return true;
  }

  private void compare(List<Effect> done, McpStage stage) {
    Map<Kind, List<Asked>> byKind = asked.stream().collect(Collectors.groupingBy(Asked::kind));
    Map<Kind, Set<Integer>> statuses = new TreeMap<>();
    byKind.forEach((kind, all) ->
        statuses.put(kind, all.stream().map(Asked::status).collect(Collectors.toSet())));
    System.out.println(
        "mcp calls: " + asked.size() + ", effects " + done.size() + ", statuses " + statuses);
    assertThat(byKind).containsOnlyKeys(Kind.values());
    Map<String, String> allowed = new HashMap<>();
    List<String> asks = new ArrayList<>();
    for (Asked each : asked) {
      JsonNode result = each.answer().path("result");
      boolean worked = !result.path("content").isEmpty() && !result.path("isError").asBoolean();
      assertThat(worked).as("%s", each).isEqualTo(each.kind().isAllowed());
      if (worked) {
        allowed.put(each.mark(), CanonicalJson.sha256(result));
      }
      if (each.kind().isDenied()) {
        assertThat(result.path("isError").asBoolean()).as("%s", each).isTrue();
        assertThat(result.path("_meta").fieldNames())
            .toIterable()
            .as("%s", each)
            .containsExactly("io.exeat/decision");
      }
      if (each.kind().isAsked()) {
        asks.add(result.at("/_meta/io.exeat~1decision").asText());
        assertThat(result.at("/_meta/io.exeat~1approvers")).as("%s", each).hasSize(1);
        assertThat(result.at("/_meta/io.exeat~1retry-after").asInt()).as("%s", each).isPositive();
      }
    }

    Map<String, List<Effect>> effects = done.stream().collect(Collectors.groupingBy(Effect::mark));
    assertThat(effects.keySet()).isEqualTo(allowed.keySet());
    assertThat(effects.values()).allMatch(it -> it.size() == 1);
    assertThat(done).allMatch(it -> it.call().at("/params/name").asText().equals("read"));

    Map<String, List<JsonNode>> permits = new HashMap<>();
    for (JsonNode record : stage.audit("policy.decided")) {
      boolean permitted = true;
      for (JsonNode answer : record.path("answers")) {
        permitted &= answer.path("decided").asText().equals("permit");
      }
      String mark = record.path("question").path("arguments").path("texts").path("mark").asText("");
      if (permitted && !mark.isEmpty()) {
        permits.computeIfAbsent(mark, it -> new ArrayList<>()).add(record);
      }
    }
    assertThat(permits.keySet()).isEqualTo(allowed.keySet());
    await() // nobody waits for these: they go with the next record, in a second at the latest
        .atMost(Duration.ofSeconds(10))
        .until(() -> stage.audit("act.answered").size() >= allowed.size());
    Map<String, List<String>> answers =
        stage.audit("act.answered").stream()
            .collect(
                Collectors.groupingBy(
                    it -> it.path("decision").asText(),
                    Collectors.mapping(
                        it -> it.path("answer_sha256").asText(), Collectors.toList())));
    permits.forEach((mark, records) -> {
      assertThat(records).as(mark).hasSize(1);
      JsonNode permit = records.getFirst();
      Instant at = Instant.parse(permit.path("at").asText());
      Effect effect = effects.getOrDefault(mark, List.of()).getFirst();
      assertThat(effect.at()).as(mark).isAfterOrEqualTo(at);
      assertThat(CanonicalJson.sha256(effect.call().at("/params/arguments")))
          .as(mark)
          .isEqualTo(permit.at("/question/arguments/sha256").asText());
      assertThat(answers.get(permit.path("decision").asText()))
          .as(mark)
          .containsExactly(allowed.get(mark));
    });
    assertThat(answers).hasSameSizeAs(allowed);
    assertThat(asks).doesNotHaveDuplicates().doesNotContain("");
    assertThat(answers.keySet()).doesNotContainAnyElementsOf(asks);
  }

  /** One agent, with a connection to each server and a shim. */
  private static final class Agent {
    private static final Map<String, String> LEGACY = Map.of("MCP-Protocol-Version", "2025-11-25");

    private final McpStage stage;
    private final boolean modernLines;
    private final Map<String, McpClient> clients = new HashMap<>();
    private Optional<Process> shim = Optional.empty();
    private String task = "";
    private String session = "";
    private String earlier = "";

    Agent(McpStage stage, boolean modernLines) {
      this.stage = stage;
      this.modernLines = modernLines;
    }

    /** Another task, with another session and another shim. */
    void begin() throws IOException {
      close();
      earlier = session;
      task = stage.open(McpStage.USE);
      McpClient.Answer answer = legacy(INITIALIZE, Map.of());
      session = answer.headers().getOrDefault("mcp-session-id", "");
      assertThat(session).as("%s", answer).isNotEmpty();
      shim = Optional.of(stage.shim("recording", "--task", task));
      if (!modernLines) {
        assertThat(line(INITIALIZE).has("result")).isTrue();
      }
    }

    Asked ask(Kind kind, int id, String mark) throws IOException {
      String arguments =
          "{\"mark\":\"" + mark + (kind.isDenied() ? "\",\"denied\":\"yes\"}" : "\"}");
      if (kind.name().startsWith("LINE_")) {
        String body = bad(kind, body(kind, id, arguments, modernLines));
        return new Asked(kind, mark, 200, line(body));
      }
      McpClient.Answer answer =
          kind.name().startsWith("LEGACY_")
              ? legacy(kind, id, arguments)
              : modern(kind, id, arguments);
      return new Asked(kind, mark, answer.status(), answer.json());
    }

    private static String body(Kind kind, int id, String arguments, boolean modern) {
      String tool = kind.isAsked() ? "pay" : kind.name().endsWith("HIDDEN") ? "hidden" : "read";
      String body = McpClient.call(id, tool, arguments);
      return modern ? body : body.replaceAll(",\"_meta\":\\{.*?\\{}}", "");
    }

    private static String bad(Kind kind, String body) {
      return switch (kind) {
        case NAME_TWICE, LEGACY_NAME_TWICE, LINE_NAME_TWICE, STARTED_NAME_TWICE ->
            body.replace("\"name\":", "\"name\":\"hidden\",\"name\":");
        case BATCH, LEGACY_BATCH, LINE_BATCH -> "[" + body + "]";
        case BROKEN, LINE_BROKEN -> body.substring(0, body.length() - 1);
        default -> body;
      };
    }

    private McpClient.Answer modern(Kind kind, int id, String arguments) {
      String body = bad(kind, body(kind, id, arguments, true));
      Map<String, String> headers = new HashMap<>();
      headers.put("Exeat-Task", task);
      headers.put("Mcp-Method", "tools/call");
      headers.put("Mcp-Name", body.contains("hidden") ? "hidden" : kind.isAsked() ? "pay" : "read");
      switch (kind) {
        case OTHER_NAME_IN_THE_HEADER -> body = McpClient.call(id, "write", arguments);
        case OTHER_METHOD_IN_THE_HEADER -> headers.put("Mcp-Method", "tools/list");
        case NO_HEADER -> headers.remove("Mcp-Name");
        case NAME_TWICE, STARTED_NAME_TWICE -> headers.put("Mcp-Name", "read");
        case UNKNOWN_METHOD -> {
          body = body.replace("tools/call", "tools/execute");
          headers.put("Mcp-Method", "tools/execute");
        }
        case NOBODYS_TASK -> headers.put("Exeat-Task", "t00000000000000000000");
        case NOT_THE_WIRE -> headers.put("Content-Type", "text/plain");
        case NOTICE -> body = body.replace("\"id\":" + id + ",", "");
        case HIDDEN_RESOURCE -> {
          body = McpClient.ask(id, "resources/read", "\"uri\":\"file:///etc/passwd\",");
          headers.put("Mcp-Method", "resources/read");
          headers.put("Mcp-Name", "file:///etc/passwd");
        }
        case HIDDEN_PROMPT -> {
          body = McpClient.ask(id, "prompts/get", "\"name\":\"read\",");
          headers.put("Mcp-Method", "prompts/get");
        }
        default -> {}
      }
      return post(kind.name().startsWith("STARTED_") ? "started" : "recording", body, headers);
    }

    private McpClient.Answer legacy(Kind kind, int id, String arguments) {
      String other = "00000000-0000-4000-8000-000000000000";
      String named =
          switch (kind) {
            case LEGACY_OTHER_SESSION -> other;
            case LEGACY_SESSION_OF_ANOTHER_TASK -> earlier.isEmpty() ? other : earlier;
            default -> session;
          };
      String body = bad(kind, body(kind, id, arguments, false));
      return legacy(body, Map.of("Mcp-Session-Id", named));
    }

    private McpClient.Answer legacy(String body, Map<String, String> more) {
      Map<String, String> headers = new HashMap<>(LEGACY);
      headers.put("Exeat-Task", task);
      headers.putAll(more);
      return post("recording", body, headers);
    }

    private McpClient.Answer post(String upstream, String body, Map<String, String> headers) {
      McpClient client = clients.computeIfAbsent(upstream, stage::client);
      McpClient.Answer answer = client.post(body, headers);
      if ("close".equalsIgnoreCase(answer.headers().get("connection"))) {
        client.close();
        clients.remove(upstream);
      }
      return answer;
    }

    /** One line in, one line out. */
    private JsonNode line(String line) throws IOException {
      Process process = shim.orElseThrow();
      process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
      return JSON.readTree(
          Optional.ofNullable(process.inputReader(StandardCharsets.UTF_8).readLine())
              .orElseThrow(() -> new IllegalStateException("exeat mcp ended: " + stage.shimLog())));
    }

    void close() {
      clients.values().forEach(McpClient::close);
      clients.clear();
      shim.ifPresent(Process::destroy);
    }
  }
}
