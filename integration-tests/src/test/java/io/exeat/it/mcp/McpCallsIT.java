package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.RecordingUpstream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Calls of every kind, many at once: what the server did is exactly what was allowed before, each
 * once; {@code -Dexeat.faults.long=true} makes 10,000 of them.
 */
@Timeout(1_800)
class McpCallsIT {
  private static final int CALLS = Boolean.getBoolean("exeat.faults.long") ? 10_000 : 800;
  private static final int AGENTS = 4;
  private static final int CALLS_OF_A_TASK =
      200; // a task that is denied 100 times gets nothing more
  private static final long SEED = Long.getLong("exeat.seed", new Random().nextLong());

  private static final String UPSTREAMS =
      """
            write: {step: administer, risk: 95}
      """;

  /** What was asked. */
  private enum Kind {
    ALLOWED(4),
    DENIED(1),
    HIDDEN(1),
    OTHER_NAME_IN_THE_HEADER(1),
    OTHER_METHOD_IN_THE_HEADER(1),
    NO_HEADER(1),
    NAME_TWICE(1),
    BATCH(1),
    BROKEN(1),
    UNKNOWN_METHOD(1),
    NOBODYS_TASK(1),
    NOT_THE_WIRE(1);

    private final int weight;

    Kind(int weight) {
      this.weight = weight;
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

  private record Asked(Kind kind, String mark, McpClient.Answer answer) {}

  private final Queue<Asked> asked = new ConcurrentLinkedQueue<>();

  @Test
  void everyEffectWasAllowedOnceAndNothingElseHappened() throws Exception {
    System.out.println("mcp calls: seed " + SEED);
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(
                McpStage.at("recording", upstream.address(), List.of("read")) + UPSTREAMS);
        ExecutorService agents = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<String>> work = new ArrayList<>();
      for (int i = 0; i < AGENTS; i++) {
        Random random = new Random(SEED + i);
        String name = "m" + i + "x";
        work.add(() -> calls(stage, name, random));
      }
      for (var done : agents.invokeAll(work)) {
        assertThat(done.get()).isNotEmpty();
      }
      compare(upstream, stage);
    }
  }

  private String calls(McpStage stage, String name, Random random) {
    String task = "";
    McpClient client = stage.client("recording");
    for (int i = 0; i < CALLS / AGENTS; i++) {
      if (i % CALLS_OF_A_TASK == 0) {
        task = stage.open(McpStage.USE);
      }
      Kind kind = Kind.some(random);
      String mark = name + i;
      McpClient.Answer answer = ask(client, kind, task, i, mark);
      asked.add(new Asked(kind, mark, answer));
      if ("close".equalsIgnoreCase(answer.headers().get("connection"))) {
        client.close();
        client = stage.client("recording");
      }
    }
    client.close();
    return task;
  }

  private static McpClient.Answer ask(
      McpClient client, Kind kind, String task, int id, String mark) {
    String arguments = "{\"mark\":\"" + mark + "\"}";
    String body = McpClient.call(id, "read", arguments);
    Map<String, String> headers = new HashMap<>();
    headers.put("Exeat-Task", task);
    headers.put("Mcp-Method", "tools/call");
    headers.put("Mcp-Name", "read");
    switch (kind) {
      case ALLOWED -> {}
      case DENIED -> {
        return client.call(task, id, "write", arguments);
      }
      case HIDDEN -> {
        return client.call(task, id, "hidden", arguments);
      }
      case OTHER_NAME_IN_THE_HEADER -> {
        body = McpClient.call(id, "write", arguments);
      }
      case OTHER_METHOD_IN_THE_HEADER -> headers.put("Mcp-Method", "tools/list");
      case NO_HEADER -> headers.remove("Mcp-Name");
      case NAME_TWICE -> body = body.replace("\"name\":", "\"name\":\"hidden\",\"name\":");
      case BATCH -> body = "[" + body + "]";
      case BROKEN -> body = body.substring(0, body.length() - 1);
      case UNKNOWN_METHOD -> {
        body = body.replace("tools/call", "tools/execute");
        headers.put("Mcp-Method", "tools/execute");
      }
      case NOBODYS_TASK -> headers.put("Exeat-Task", "t00000000000000000000");
      case NOT_THE_WIRE -> headers.put("Content-Type", "text/plain");
      default -> throw new IllegalStateException();
    }
    return client.post(body, headers);
  }

  private void compare(RecordingUpstream upstream, McpStage stage) {
    Map<Kind, List<Asked>> byKind = asked.stream().collect(Collectors.groupingBy(Asked::kind));
    Map<Kind, Set<Integer>> statuses = new HashMap<>();
    byKind.forEach((kind, all) ->
        statuses.put(
            kind, all.stream().map(each -> each.answer().status()).collect(Collectors.toSet())));
    System.out.println("mcp calls: " + asked.size() + ", statuses " + statuses);
    List<Asked> done = byKind.getOrDefault(Kind.ALLOWED, List.of());
    for (Asked each : done) {
      assertThat(each.answer().json().path("result").path("content").isEmpty())
          .as("%s", each)
          .isFalse();
    }
    Set<String> allowed = done.stream().map(Asked::mark).collect(Collectors.toSet());

    Map<String, List<RecordingUpstream.Seen>> effects =
        upstream.calls().stream()
            .collect(
                Collectors.groupingBy(
                    it -> it.json().path("params").path("arguments").path("mark").asText()));
    assertThat(effects.keySet()).isEqualTo(allowed);
    assertThat(effects.values()).allMatch(it -> it.size() == 1);
    assertThat(upstream.calls())
        .allMatch(it -> it.json().path("params").path("name").asText().equals("read"))
        .noneMatch(it -> it.headers().containsKey("exeat-task"));

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
    assertThat(permits.keySet()).isEqualTo(allowed);
    permits.forEach((mark, records) -> {
      assertThat(records).as(mark).hasSize(1);
      Instant at = Instant.parse(records.getFirst().path("at").asText());
      assertThat(effects.getOrDefault(mark, List.of()).getFirst().at())
          .as(mark)
          .isAfterOrEqualTo(at);
    });
  }
}
