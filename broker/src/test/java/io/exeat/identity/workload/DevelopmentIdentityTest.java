package io.exeat.identity.workload;

import io.exeat.identity.IdentityContract;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.TestTime;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
final class DevelopmentIdentityTest extends IdentityContract {
  private static final SpiffeId OWN = SpiffeIds.parse("id", "spiffe://example.org/host/h1/broker");

  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path directory;

  @Override
  protected Issuer issuer() {
    Entry entry = Entry.ofPid(OWN, (int) ProcessHandle.current().pid());
    DevelopmentAuthority authority =
        new DevelopmentAuthority(
                new DevelopmentConfig(
                    directory, TrustDomain.parse("example.org"), Set.of(), List.of(entry)),
                transport,
                TestTime.real())
            .start();
    return new Issuer() {
      @Override
      public Path workloadSocket() {
        return authority.workloadSocket();
      }

      @Override
      public SpiffeId own() {
        return OWN;
      }

      @Override
      public void withdraw() {
        authority.remove(entry);
      }

      @Override
      public void restore() {
        authority.add(entry);
      }

      @Override
      public void stop() {
        authority.stop();
      }

      @Override
      public void start() {
        // A SPIRE agent that comes back has new keys for all.
        authority.rotate();
        authority.start();
      }

      @Override
      public Duration patience() {
        return Duration.ofSeconds(10);
      }

      @Override
      public void close() {
        authority.close();
      }
    };
  }
}
