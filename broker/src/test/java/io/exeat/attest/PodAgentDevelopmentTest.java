package io.exeat.attest;

import java.nio.file.Path;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
final class PodAgentDevelopmentTest extends AttestorContract {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path directory;

  @Override
  protected Place place() {
    return new DevelopmentPlace(DevelopmentPlace.Mode.WORKLOAD_API, directory, transport);
  }
}
