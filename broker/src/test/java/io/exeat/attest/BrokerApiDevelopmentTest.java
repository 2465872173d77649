package io.exeat.attest;

import java.nio.file.Path;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
final class BrokerApiDevelopmentTest extends AttestorContract {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path directory;

  @Override
  protected Place place() {
    return new DevelopmentPlace(DevelopmentPlace.Mode.BROKER_API, directory, transport);
  }
}
