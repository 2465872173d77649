package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/promises.md} names tests, and the checker knows nothing of the broker. */
final class PromisesIT {
  private static final Pattern NAMED =
      Pattern.compile("`([A-Z][A-Za-z]+(?:IT|Test|Scenarios))(?:#([a-z][A-Za-z0-9]*))?`");

  private final Path root = Packaged.root();

  @Test
  void everyPromiseHasATestThatExists() throws IOException {
    List<String> missing = new ArrayList<>();
    int promises = 0;
    for (String line : Files.readAllLines(root.resolve("docs/promises.md"))) {
      boolean promise = line.startsWith("| ") && !line.startsWith("| condition");
      Matcher named = NAMED.matcher(line);
      int tests = 0;
      while (named.find()) {
        tests++;
        if (!exists(named.group(1), Optional.ofNullable(named.group(2)))) {
          missing.add(named.group());
        }
      }
      if (promise) {
        promises++;
        assertThat(tests).as(line).isPositive();
      }
    }
    assertThat(missing).isEmpty();
    assertThat(promises).isGreaterThanOrEqualTo(20);
  }

  @Test
  void everyFaultRunIsBehindAPromise() throws IOException {
    String text = Files.readString(root.resolve("docs/promises.md"));
    for (Path file : sources("integration-tests/src/test/java/io/exeat/it/fault")) {
      String name = name(file);
      if (name.endsWith("IT")) {
        assertThat(text).contains("`" + name);
      }
    }
  }

  @Test
  void theCheckerSharesNothingWithWhatItWatches() throws IOException {
    Set<String> known = new TreeSet<>();
    List<Path> sources = sources("integration-tests/src/test/java/io/exeat/it/checker");
    Pattern ours = Pattern.compile("io\\.exeat\\.[a-z.]+");
    for (Path file : sources) {
      ours.matcher(Files.readString(file)).results().forEach(it -> known.add(it.group()));
    }
    assertThat(sources).hasSizeGreaterThan(10);
    assertThat(known).containsExactly("io.exeat.it.checker");
  }

  private boolean exists(String type, Optional<String> method) throws IOException {
    for (String place : List.of("broker/src/test/java", "integration-tests/src/test/java")) {
      for (Path file : sources(place)) {
        if (name(file).equals(type)) {
          return method.isEmpty() || Files.readString(file).contains("void " + method.get() + "(");
        }
      }
    }
    return false;
  }

  private List<Path> sources(String place) throws IOException {
    try (Stream<Path> files = Files.walk(root.resolve(place))) {
      return files.filter(it -> it.toString().endsWith(".java")).toList();
    }
  }

  private static String name(Path file) {
    String name = String.valueOf(file.getFileName());
    return name.substring(0, name.length() - ".java".length());
  }
}
