package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What the MCP conformance suite says of a server: for each scenario of a revision, its checks in
 * their order as {@code id: STATUS}. What it only notes, such as each piece of a stream that came,
 * is left out: that is a matter of moments.
 */
public record Conformance(Map<String, List<String>> scenarios) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration RUN = Duration.ofMinutes(5);

  /**
   * Runs all scenarios that {@code revision} requires, and those it only looks at.
   *
   * @param revision such as 2026-07-28
   */
  public static Conformance run(McpParts parts, URI server, String revision) {
    try {
      Path out = Files.createTempDirectory("conformance");
      try {
        Path log = out.resolve("log");
        Process process =
            Processes.start(
                List.of(
                    parts.node().toString(),
                    parts.suite().toString(),
                    "server",
                    "--url",
                    server.toString(),
                    "--requirements",
                    revision,
                    "-o",
                    out.toString()),
                log);
        // Its exit code says whether all is well; here it is about what exactly is.
        if (!process.waitFor(RUN)) {
          process.destroyForcibly();
          throw new IllegalStateException("the suite does not end\n" + Files.readString(log));
        }
        return new Conformance(read(out, log));
      } finally {
        Processes.delete(out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, List<String>> read(Path out, Path log) throws IOException {
    Map<String, List<String>> found = new TreeMap<>();
    try (Stream<Path> folders = Files.list(out).filter(Files::isDirectory)) {
      for (Path folder : folders.toList()) {
        List<String> checks = new ArrayList<>();
        for (JsonNode check : JSON.readTree(folder.resolve("checks.json").toFile())) {
          if (!check.path("status").asText().equals("INFO")) {
            checks.add(check.path("id").asText() + ": " + check.path("status").asText());
          }
        }
        // server-<scenario>-<time>
        String name = folder.getFileName().toString();
        found.put(name.replaceFirst("^server-", "").replaceFirst("-20\\d\\d-.*$", ""), checks);
      }
    }
    if (found.isEmpty()) {
      throw new IllegalStateException("the suite ran nothing\n" + Files.readString(log));
    }
    return found;
  }

  /** Those with a failed check. */
  public List<String> failed() {
    return scenarios.entrySet().stream()
        .filter(each -> each.getValue().stream().anyMatch(check -> check.endsWith(": FAILURE")))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Such as {@code 33 of 33 scenarios without a failure, 84 checks passed, 0 failed}. */
  @Override
  public String toString() {
    List<String> checks = scenarios.values().stream().flatMap(List::stream).toList();
    return "%d of %d scenarios without a failure, %d checks passed, %d failed"
        .formatted(
            scenarios.size() - failed().size(),
            scenarios.size(),
            checks.stream().filter(check -> check.endsWith(": SUCCESS")).count(),
            checks.stream().filter(check -> check.endsWith(": FAILURE")).count());
  }
}
