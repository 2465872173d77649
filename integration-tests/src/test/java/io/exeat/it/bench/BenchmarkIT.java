package io.exeat.it.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * In {@code verify} a short run that shows only that it measures; {@code ./mvnw -Pbench verify}
 * gives figures.
 */
final class BenchmarkIT {
  private static final int PAIRS = Integer.getInteger("exeat.bench.pairs", 5);
  private static final int TASKS = Integer.getInteger("exeat.bench.tasks", 50);

  @Test
  void everythingIsMeasured() {
    Map<String, Double> figures = new Benchmark(PAIRS, TASKS).run();

    assertThat(figures)
        .containsKeys(
            "idle RSS MiB",
            "open + credential ms",
            "open + credential ratio",
            "end to proven dead ms",
            "end to proven dead ratio",
            "Get p50 ms",
            "Get p99 ms",
            "start ms",
            "start to serving ms");
    assertThat(figures.values()).allMatch(Double::isFinite);
    // No thread and no connection for each task, however slow the machine is.
    assertThat(figures.get("threads more")).isLessThan(TASKS / 2.0);
    assertThat(figures.get("sockets more")).isLessThan(TASKS / 2.0);
  }

  @Test
  void anMcpCallIsMeasured() throws IOException {
    assertThat(new McpBenchmark(PAIRS).run())
        .containsOnlyKeys(
            "MCP call ms",
            "MCP call floor ms",
            "MCP call adds ms",
            "MCP call ratio",
            "MCP fsync ms")
        .allSatisfy((name, figure) -> assertThat(figure).as(name).isFinite());
  }
}
