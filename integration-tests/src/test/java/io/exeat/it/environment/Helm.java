package io.exeat.it.environment;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real helm, with nothing of its user's. */
public final class Helm {
  private final Path program;
  private final Path home;

  private Helm(Path program, Path home) {
    this.program = program;
    this.home = home;
  }

  /**
   * Skips the test where there is none.
   *
   * @param home what it writes goes there
   */
  public static Helm in(Path home) {
    return new Helm(Needs.part("helm", Binaries.helm()), home);
  }

  /** The chart. */
  public static String chart() {
    return Packaged.root().resolve("deploy/helm/exeat").toString();
  }

  /** What {@code helm template} gives, as the shipped manifests are rendered. */
  public String template(String... words) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "template", "exeat", chart(), "--namespace", "exeat", "--kube-version", "1.36.0"));
    all.addAll(List.of(words));
    return run(0, all.toArray(String[]::new));
  }

  /** Runs {@code helm …}, which must end with {@code status}. */
  public String run(int status, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of(words));
    Path said = home.resolve("said");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
    for (String each : List.of("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")) {
      builder.environment().put(each, home.toString());
    }
    Process process = builder.start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
      String text = Files.readString(said);
      assertThat(process.exitValue()).as(text).isEqualTo(status);
      return text;
    } finally {
      process.destroyForcibly();
    }
  }
}
