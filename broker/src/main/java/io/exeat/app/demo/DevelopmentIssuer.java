package io.exeat.app.demo;

import io.exeat.base.Time;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;

/**
 * The development authority, in this process: it knows exactly the processes that the demo started.
 */
final class DevelopmentIssuer implements Issuer {
  private final SpiffeTransport transport = new SpiffeTransport();
  private final DevelopmentAuthority authority;

  DevelopmentIssuer(Path folder) {
    this.authority =
        new DevelopmentAuthority(
                new DevelopmentConfig(
                    folder,
                    TrustDomain.parse(TRUST_DOMAIN),
                    Set.of(SpiffeId.parse(BROKER)),
                    List.of()),
                transport,
                new Time(InstantSource.system(), System::nanoTime))
            .start();
  }

  @Override
  public String mode() {
    return "development";
  }

  @Override
  public Path workloadSocket() {
    return authority.workloadSocket();
  }

  @Override
  public Path brokerSocket() {
    return authority.brokerSocket();
  }

  @Override
  public List<String> jwtKeys() {
    try {
      return List.of(Files.readString(authority.jwtPem()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void isBroker(long pid) {
    authority.add(Entry.ofPid(SpiffeId.parse(BROKER), (int) pid));
  }

  @Override
  public void isAgent(long pid) {
    authority.add(Entry.ofPid(SpiffeId.parse(AGENT), (int) pid));
  }

  @Override
  public void close() {
    authority.close();
    transport.close();
  }
}
