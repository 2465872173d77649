package io.exeat.flow;

import io.exeat.base.Health;
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
 * @param policy empty while it starts, and where others decide
 */
public record Status(
    String version,
    Optional<String> spiffeId,
    Optional<Instant> svidExpiresAt,
    Duration uptime,
    Counts counts,
    List<Dependency> dependencies,
    Optional<Policy> policy,
    Map<TaskId, String> pending) {
  public record Counts(
      int tasksOpen, int tasksEnding, int credentialsActive, int credentialsRevoking) {}

  /**
   * @param problem what is wrong and what to do; empty when available
   */
  public record Dependency(String name, Optional<String> problem, Instant since) {
    /** As it was when last used or looked at. */
    public static Dependency of(String name, Health health) {
      return new Dependency(name, health.problem(), health.since());
    }
  }

  /**
   * The policies in force.
   *
   * @param sha256 in hex, as every decision names it; empty when there are none
   * @param age since they were taken; empty where that is another's affair
   * @param reloadFailed whether they are still in force because others could not be taken
   */
  public record Policy(String sha256, Optional<Duration> age, boolean reloadFailed) {}
}
