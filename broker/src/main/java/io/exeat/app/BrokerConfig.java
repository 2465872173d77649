package io.exeat.app;

import io.exeat.attest.AttestConfig;
import io.exeat.gateway.extauthz.ExtAuthzConfig;
import io.exeat.gateway.grpc.AdminSocketConfig;
import io.exeat.gateway.grpc.TlsDoorConfig;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.gateway.mcp.McpConfig;
import io.exeat.gateway.relay.RelayConfig;
import io.exeat.identity.IdentityConfig;
import io.exeat.policy.PolicyConfig;
import io.exeat.task.ApproverDoors;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * All of {@code exeat.yaml} (schema: {@code io/exeat/config/exeat.schema.json}); {@link ConfigFile}
 * reads it.
 *
 * @param moreSockets beside {@code socket}: one for each further container that is the agent
 */
public record BrokerConfig(
    IdentityConfig identity,
    AttestConfig attestation,
    UnixDoorConfig socket,
    List<Path> moreSockets,
    AdminSocketConfig admin,
    Optional<TlsDoorConfig> listen,
    Optional<McpConfig> mcp,
    Optional<UnixDoorConfig> metrics,
    Form form,
    LogLevel log) {
  /** The sockets for agents, of which all are alike. */
  List<UnixDoorConfig> agentDoors() {
    return Stream.concat(Stream.of(socket.socket()), moreSockets.stream())
        .map(one -> new UnixDoorConfig(one, socket.group()))
        .toList();
  }

  ApproverDoors approverDoors() {
    return new ApproverDoors(admin.uids(), listen.isPresent());
  }

  /** Where the broker is. */
  public sealed interface Form {}

  /** In this process: the sidecar is the broker. */
  public record AllInOne(
      Vault vault,
      Optional<Path> targetsCa,
      Path catalogue,
      Path journal,
      Path audit,
      long auditRotateAt,
      PolicyConfig policy,
      Optional<ExtAuthzConfig> extAuthz)
      implements Form {}

  /** Elsewhere: this process attests and relays. */
  public record Relayed(RelayConfig relay) implements Form {}

  /**
   * Where Vault is and who the broker is there.
   *
   * @param ca who vouches for Vault's certificate, in PEM; empty for the system's
   * @param longestTask the longest life of any task
   * @param sessionTtl after which of silence Vault ends everything that was lent
   */
  public record Vault(
      URI address,
      Optional<Path> ca,
      Optional<String> namespace,
      String mount,
      String role,
      String audience,
      Duration timeout,
      Duration longestTask,
      Duration sessionTtl,
      boolean developmentPlaintext) {}

  /** What is logged, on standard error. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG
  }
}
