package io.exeat.it.bench;

import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.RecordingUpstream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the gateway adds to a tool call: through it and past it in turns, by the same client. */
final class McpBenchmark {
  private static final int CALLS_OF_A_PAIR = 10;
  private static final int WARM = 500;
  private static final int A_SECOND = 200;

  private final int calls;

  McpBenchmark(int pairs) {
    this.calls = CALLS_OF_A_PAIR * pairs;
  }

  Map<String, Double> run() throws IOException {
    Series ours = new Series();
    Series floor = new Series();
    Series fsync;
    try (RecordingUpstream server = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(McpStage.at("recording", server.address(), List.of("read")));
        McpClient through = stage.client("recording");
        McpClient direct = McpClient.direct(server.address())) {
      String task = stage.open(McpStage.USE);
      for (int i = 0; i < WARM + calls; i++) {
        if (i == WARM) {
          ours.forget();
          floor.forget();
        }
        int id = i;
        String arguments = "{\"mark\":" + i + "}"; // the same call again and again would be retries
        require(floor.time(() -> direct.call(task, id, "read", arguments)));
        require(ours.time(() -> through.call(task, id, "read", arguments)));
      }
      fsync = Floor.fsync(stage.stage().newFolder("f"), A_SECOND, calls);
    }
    double adds = ours.median() - floor.median();
    double ratio = ours.median() / floor.median();
    say("MCP call through the gateway   %s".formatted(ours));
    say("the same, directly             %s".formatted(floor));
    say("  adds %.3f ms p50   (mark: 1 ms), ratio of the medians %.2f".formatted(adds, ratio));
    say("  of it, the fsync of its record: %.3f ms p50, measured alone".formatted(fsync.median()));
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("MCP call ms", ours.median());
    figures.put("MCP call floor ms", floor.median());
    figures.put("MCP call adds ms", adds);
    figures.put("MCP call ratio", ratio);
    figures.put("MCP fsync ms", fsync.median());
    return figures;
  }

  private static void require(McpClient.Answer answer) {
    if (answer.status() != 200 || !answer.json().path("result").has("content")) {
      throw new IllegalStateException(answer.toString());
    }
  }

  private static void say(String line) {
    System.out.println("bench: " + line);
  }
}
