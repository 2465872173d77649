package io.exeat.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.openjdk.jmh.generators.BenchmarkProcessor;

/**
 * Runs a benchmark of JMH's in a JVM of its own. What JMH makes of it is made when it runs: the
 * build lets no annotation processor in.
 */
final class Jmh {
  private Jmh() {}

  /** In the benchmark's own unit. */
  record Times(double p50, double p99) {}

  /**
   * @param benchmark with one method
   * @param folder that is empty
   * @param iterations that count, after as many that do not
   */
  static Times run(Class<?> benchmark, Path folder, int iterations, Duration iteration)
      throws IOException, InterruptedException {
    String classPath = System.getProperty("java.class.path");
    generate(benchmark, folder, classPath);
    Path result = folder.resolve("result.json");
    String time = iteration.toMillis() + "ms";
    String times = Integer.toString(iterations);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", folder + File.pathSeparator + classPath));
    command.addAll(List.of("org.openjdk.jmh.Main", benchmark.getName(), "-f", "1"));
    command.addAll(List.of("-wi", times, "-w", time, "-i", times, "-r", time));
    command.addAll(List.of("-rf", "json", "-rff", result.toString()));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    Duration most = iteration.multipliedBy(2L * iterations).plusMinutes(3);
    if (!process.waitFor(most.toMillis(), TimeUnit.MILLISECONDS) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new IllegalStateException("JMH failed:\n" + Files.readString(log));
    }
    JsonNode said = new ObjectMapper().readTree(result.toFile()).path(0).path("primaryMetric");
    JsonNode percentiles = said.path("scorePercentiles");
    return new Times(percentiles.path("50.0").asDouble(), percentiles.path("99.0").asDouble());
  }

  private static void generate(Class<?> benchmark, Path folder, String classPath) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter said = new StringWriter();
    JavaCompiler.CompilationTask task =
        compiler.getTask(
            said,
            null,
            null,
            List.of("-proc:full", "-d", folder.toString(), "-cp", classPath),
            List.of(benchmark.getName()),
            null);
    task.setProcessors(List.of(new BenchmarkProcessor()));
    if (!task.call()) {
      throw new IllegalStateException("JMH's part of " + benchmark + ":\n" + said);
    }
  }
}
