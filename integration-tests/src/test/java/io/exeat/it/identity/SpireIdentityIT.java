package io.exeat.it.identity;

import io.exeat.attest.AgentProcess;
import io.exeat.attest.TestProcess;
import io.exeat.identity.IdentityContract;
import io.exeat.identity.SpiffeIds;
import io.exeat.it.environment.Spire;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

@SuppressWarnings("NullAway.Init")
final class SpireIdentityIT extends IdentityContract {
  private static final String OWN = "spiffe://example.org/host/h1/broker";

  private static Spire spire;
  private static String entry;

  @BeforeAll
  static void start() {
    spire = Spire.start();
    entry = entitle();
  }

  @AfterAll
  static void stop() {
    if (spire != null) {
      spire.close();
    }
  }

  private static String entitle() {
    return spire.entry(
        OWN,
        Duration.ofHours(1),
        "broker",
        "unix:uid:" + TestProcess.uid(),
        "unix:path:" + AgentProcess.java());
  }

  @Override
  protected Issuer issuer() {
    return new Issuer() {
      @Override
      public Path workloadSocket() {
        return spire.workloadSocket();
      }

      @Override
      public SpiffeId own() {
        return SpiffeIds.parse("own", OWN);
      }

      @Override
      public void withdraw() {
        spire.removeEntry(entry);
      }

      @Override
      public void restore() {
        entry = entitle();
      }

      @Override
      public void stop() {
        spire.stopAgent();
      }

      @Override
      public void start() {
        spire.startAgent();
      }

      @Override
      public Duration patience() {
        return Spire.PATIENCE;
      }

      // The next test uses the same one.
      @Override
      public void close() {}
    };
  }
}
