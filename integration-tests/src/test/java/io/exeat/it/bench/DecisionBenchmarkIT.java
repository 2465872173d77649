package io.exeat.it.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Opa;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As {@link BenchmarkIT}: in {@code verify} it shows only that it measures. */
final class DecisionBenchmarkIT {
  private static final int PAIRS = Integer.getInteger("exeat.bench.pairs", 5);

  @Test
  void everythingIsMeasured(@TempDir Path folder) throws Exception {
    boolean brief = PAIRS < 20;

    Map<String, Double> figures =
        new DecisionBenchmark(folder, brief ? 1 : 10, Duration.ofMillis(brief ? 200 : 2_000))
            .run(Needs.part("opa", Opa.binary()));

    assertThat(figures)
        .containsOnlyKeys(
            "Cedar p50 us",
            "Cedar p99 us",
            "Cedar reload ms",
            "Cedar first reload ms",
            "Check/s",
            "CheckAll/s",
            "bare call/s",
            "OPA/s",
            "Check to OPA ratio",
            "CheckAll to OPA ratio",
            "Check steady p50 ms",
            "Check steady p99 ms",
            "bare call steady p50 ms",
            "bare call steady p99 ms",
            "OPA steady p50 ms",
            "OPA steady p99 ms",
            "append and fsync steady p50 ms",
            "append and fsync steady p99 ms",
            "Check in memory steady p50 ms",
            "Check in memory steady p99 ms");
    assertThat(figures.values()).allMatch(value -> Double.isFinite(value) && value > 0);
  }
}
