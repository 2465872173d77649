package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Kubernetes.Said;
import io.exeat.it.environment.Manifests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** A real API server that has somebody else's kinds, by their own definitions. */
final class ForeignKinds implements AutoCloseable {
  private final Kubernetes kubernetes;
  private final String group;

  /**
   * Starts it.
   *
   * @param group with its version: {@code spire.spiffe.io/v1alpha1}
   * @param plurals of the kinds that are awaited
   */
  ForeignKinds(
      Path binaries, Path folder, String group, List<String> definitions, List<String> plurals)
      throws Exception {
    this.group = "/apis/" + group + "/";
    this.kubernetes = Kubernetes.start(binaries, folder);
    try {
      definitions.forEach(this::take);
      for (String plural : plurals) {
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> kubernetes.get(this.group + plural).done());
      }
    } catch (RuntimeException | Error e) {
      kubernetes.close();
      throw e;
    }
  }

  /** The documents in a folder's files. */
  static List<String> definitions(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(each -> each.toString().endsWith(".yaml"))
          .sorted()
          .flatMap(each -> Manifests.all(text(each)).stream())
          .toList();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What there is of a kind. */
  Said all(String plural) {
    return done(kubernetes.get(group + plural));
  }

  void take(String document) {
    var _ = done(Manifests.apply(kubernetes, document, ""));
  }

  /**
   * With {@code not} for {@code is}, a regular expression, it is refused; so taking says something.
   */
  void refuse(String document, String is, String not, String why) {
    String other = document.replaceFirst(is, not);
    assertThat(other).isNotEqualTo(document);
    Said said = Manifests.apply(kubernetes, other, "");
    assertThat(said.done()).isFalse();
    assertThat(said.message()).contains(why);
  }

  private static Said done(Said said) {
    assertThat(said.done()).as("%s %s", said.status(), said.message()).isTrue();
    return said;
  }

  @Override
  public void close() {
    kubernetes.close();
  }
}
