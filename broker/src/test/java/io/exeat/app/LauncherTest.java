package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The script {@code exeat} as it is installed, with a jar that says what java was given. */
final class LauncherTest {
  private static final String CACHE = "-XX:AOTCache=";

  @TempDir private static Path home;

  /** What is started. */
  public static final class Given {
    private Given() {}

    /** Prints the JVM's options and the words. */
    public static void main(String[] words) {
      ManagementFactory.getRuntimeMXBean().getInputArguments().forEach(System.out::println);
      System.out.println("words " + String.join(" ", words));
    }
  }

  private record Ran(int code, String out, String err) {
    List<String> given() {
      assertThat(code).as("%s", this).isZero();
      return out.lines().toList();
    }
  }

  @BeforeAll
  static void install() throws IOException, InterruptedException {
    Files.copy(Path.of("../exeat"), home.resolve("exeat"), StandardCopyOption.COPY_ATTRIBUTES);
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Given.class.getName());
    String name = Given.class.getName().replace('.', '/') + ".class";
    try (JarOutputStream jar =
            new JarOutputStream(Files.newOutputStream(home.resolve("exeat.jar")), manifest);
        InputStream body =
            Objects.requireNonNull(Given.class.getClassLoader().getResourceAsStream(name))) {
      jar.putNextEntry(new JarEntry(name));
      body.transferTo(jar);
    }
    Ran first = run("", "version");
    assertThat(first.err()).contains("rehearsing");
    assertThat(home.resolve("exeat.aot")).isNotEmptyFile();
  }

  @Test
  void itStartsWithItsCacheAndWithoutAWord() throws Exception {
    Ran ran = run("", "version");

    assertThat(ran.given()).contains("words version").anyMatch(it -> it.startsWith(CACHE));
    assertThat(ran.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Xmn24m", "-XX:NewSize=24m", "-XX:-UseCompactObjectHeaders"})
  void withOptionsThatTheCacheDoesNotFitItStartsWithoutAndSaysSo(String options) throws Exception {
    Ran ran = run(options, "version");

    assertThat(ran.given())
        .contains("words version", options)
        .noneMatch(it -> it.startsWith(CACHE));
    assertThat(ran.err().lines()).hasSize(1);
    assertThat(ran.err()).contains("without the cache of classes", "(" + options + ")");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Xmn24m -Xms40m", "-XX:MaxMetaspaceSize=64m", "-Dour.own=1"})
  void withOthersItKeepsIt(String options) throws Exception {
    Ran ran = run(options, "version");

    assertThat(ran.given()).contains(options.split(" ", -1)).anyMatch(it -> it.startsWith(CACHE));
    assertThat(ran.err()).isEmpty();
  }

  @Test
  void whatJavaDoesNotTakeIsNamedWithWhatItSays() throws Exception {
    Ran ran = run("-Dour.own=1 -XX:+UseG1GC", "version");

    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.err())
        .startsWith("exeat: java does not start with EXEAT_JAVA_OPTS (-XX:+UseG1GC)")
        .contains("Multiple garbage collectors selected");
  }

  @Test
  void aCacheThatIsOfAnotherJarIsNoReasonToPrintAnything() throws Exception {
    Path cache = home.resolve("exeat.aot");
    Path aside = Files.copy(cache, home.resolve("aside"));
    try {
      Files.writeString(cache, "no cache");

      Ran ran = run("", "version");

      assertThat(ran.given()).contains("words version");
      assertThat(ran.err()).isEmpty();
    } finally {
      Files.move(aside, cache, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "approval", "task", "credential", "revoke", "kill", "unkill"})
  void whatAsksSomethingAndIsOverCompilesLess(String command) throws Exception {
    assertThat(run("", command, "--help").given()).contains("-XX:CompileThresholdScaling=10");
    assertThat(run("", "run").given()).doesNotContain("-XX:CompileThresholdScaling=10");
  }

  @Test
  void whatServesManyHasARoomierHeapUnlessAHeapIsGiven() throws Exception {
    Ran many = run(Map.of("EXEAT_MANY", "1"), "version");
    assertThat(many.given())
        .contains("-Xmn64m", "-XX:TieredStopAtLevel=4", "-XX:-AOTReplayTraining")
        .anyMatch(it -> it.startsWith(CACHE));
    assertThat(many.err()).isEmpty();

    assertThat(run(Map.of("EXEAT_MANY", "1", "EXEAT_HEAP", "80m"), "version").given())
        .contains("-Xmx80m", "-XX:TieredStopAtLevel=4", "-XX:ReservedCodeCacheSize=192m")
        .doesNotContain("-Xmn64m");
    assertThat(run("", "version").given()).doesNotContain("-Xmn64m", "-XX:TieredStopAtLevel=4");
  }

  private static Ran run(String options, String... words) throws IOException, InterruptedException {
    return run(Map.of("EXEAT_JAVA_OPTS", options), words);
  }

  private static Ran run(Map<String, String> environment, String... words)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(home.resolve("exeat").toString());
    builder.command().addAll(List.of(words));
    Path out = home.resolve("out");
    Path err = home.resolve("err");
    builder.redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().clear();
    builder.environment().put("PATH", System.getenv("PATH"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw new IllegalStateException("the launcher did not end");
    }
    return new Ran(
        process.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }
}
