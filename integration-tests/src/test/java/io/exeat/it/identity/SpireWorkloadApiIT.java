package io.exeat.it.identity;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.AttestorContract;
import io.exeat.it.environment.Spire;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * The sidecar of a pod: its own attestation gives the agent's SVID as well, and nobody is asked
 * about the agent's process.
 */
@SuppressWarnings("NullAway.Init")
final class SpireWorkloadApiIT extends AttestorContract {
  private static Spire spire;
  private static SpirePlace.Entries entries;

  @BeforeAll
  static void start() {
    spire = Spire.start();
    entries = SpirePlace.Entries.ofPod(spire, Duration.ofHours(1));
  }

  @AfterAll
  static void stop() {
    if (spire != null) {
      spire.close();
    }
  }

  @Override
  protected Place place() {
    return new SpirePlace(
        SpirePlace.Mode.WORKLOAD_API, entries, transport, AttestConfig.Timing.USUAL);
  }
}
