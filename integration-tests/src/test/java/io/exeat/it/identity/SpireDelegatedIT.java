package io.exeat.it.identity;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.AttestorContract;
import io.exeat.it.environment.Spire;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

@SuppressWarnings("NullAway.Init")
final class SpireDelegatedIT extends AttestorContract {
  private static Spire spire;
  private static SpirePlace.Entries entries;

  @BeforeAll
  static void start() {
    spire = Spire.start();
    entries = SpirePlace.Entries.ofProcesses(spire, Duration.ofHours(1));
  }

  @AfterAll
  static void stop() {
    if (spire != null) {
      spire.close();
    }
  }

  @Override
  protected Place place() {
    return new SpirePlace(SpirePlace.Mode.DELEGATED, entries, transport, AttestConfig.Timing.USUAL);
  }
}
