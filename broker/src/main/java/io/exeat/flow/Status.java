package io.exeat.flow;

import io.exeat.base.TaskId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the broker is.
 *
 * @param spiffeId empty while it has none
 */
public record Status(
    String version,
    Optional<String> spiffeId,
    Optional<Instant> svidExpiresAt,
    Duration uptime,
    Counts counts,
    List<Dependency> dependencies,
    Map<TaskId, String> pending) {
  public record Counts(
      int tasksOpen, int tasksEnding, int credentialsActive, int credentialsRevoking) {}

  /**
   * @param problem what is wrong and what to do; empty when available
   */
  public record Dependency(String name, Optional<String> problem, Instant since) {}
}
