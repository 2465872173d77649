package io.exeat.flow;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** How the broker and what it depends on are, as the wiring sees it. */
public record Vitals(
    String version,
    Optional<String> spiffeId,
    Optional<Instant> svidExpiresAt,
    Duration uptime,
    List<Status.Dependency> dependencies,
    Optional<Status.Policy> policy) {
  public Vitals {
    dependencies = List.copyOf(dependencies);
  }
}
