package io.exeat.it.bench;

import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Stage;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.cedar.CedarBench;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** A broker whose folder of policies is written anew again and again, and what it says of that. */
final class Reloads implements AutoCloseable {
  private static final Duration AT_MOST = Duration.ofSeconds(30);

  private final Path folder;
  private final Deployment deployment;
  private int made;

  private Reloads(Path folder, Deployment deployment) {
    this.folder = folder;
    this.deployment = deployment;
  }

  /** With the policies that ship, and their cases, in its folder. */
  static Reloads start() throws IOException {
    Path folder = Stage.get().newFolder("policies");
    PolicyFiles shipped = PolicyFiles.shipped();
    for (Map<String, String> files : List.of(shipped.policies(), shipped.cases())) {
      for (Map.Entry<String, String> file : files.entrySet()) {
        Files.writeString(folder.resolve(file.getKey()), file.getValue());
      }
    }
    Deployment.Plan plan = Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withPolicies(folder);
    return new Reloads(folder, Deployment.start(plan));
  }

  /**
   * Makes them 100, other ones each time.
   *
   * @return what the broker says that it took to read, check and decide the cases of exactly these,
   *     in milliseconds; whole ones
   */
  double next() {
    try {
      // Moved in at once: half a set would be one too.
      Path file = Stage.get().newFolder("more").resolve("more.cedar");
      Files.writeString(file, CedarBench.more(++made));
      Files.move(file, folder.resolve("more.cedar"), StandardCopyOption.ATOMIC_MOVE);
      Pattern taken =
          Pattern.compile(
              "in force as of now: "
                  + PolicyFiles.read(folder).sha256()
                  + " from .* read and checked in ([0-9]+) ms");
      return await()
          .atMost(AT_MOST)
          .until(
              () -> taken.matcher(deployment.broker().log()).results().findFirst(),
              Optional<MatchResult>::isPresent)
          .map(it -> Double.parseDouble(it.group(1)))
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    deployment.close();
  }
}
