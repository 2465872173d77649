package io.exeat.attest;

import io.exeat.identity.IdPattern;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How callers are attested: one mode for processes on the Unix socket, and beside it mTLS or not.
 *
 * @param local absent when there is no Unix door, or none but mTLS
 */
public record AttestConfig(Optional<Local> local, Optional<Mtls> mtls) {

  /** A mode for processes on the Unix socket: {@code attestation.mode}. */
  public sealed interface Local {}

  /**
   * {@code workload-api}: the sidecar of a pod, in which the broker's own attestation gives the
   * agent's SVID too.
   *
   * @param agent the pod's one agent; never the broker's own ID
   * @param hint of the agent's SVID, or empty when any will do
   * @param uid that the agent runs as: with the socket's mount it is the boundary
   */
  public record WorkloadApi(SpiffeId agent, String hint, int uid) implements Local {}

  /**
   * {@code broker-api}: the SPIFFE Broker API by PID.
   *
   * @param socket its Unix socket
   * @param agents whom it may answer with
   * @param timing how long to wait, how often to ask anew
   * @param unsafeSameUser whether agents may run as the broker's own user: see {@link OtherUsers}
   */
  public record BrokerApi(Path socket, IdPattern agents, Timing timing, boolean unsafeSameUser)
      implements Local {}

  /**
   * {@code delegated}: SPIRE's Delegated Identity API by PID.
   *
   * @param socket the SPIRE agent's admin socket
   * @param agents whom it may answer with
   * @param timing how long to wait, how often to ask anew
   * @param unsafeSameUser whether agents may run as the broker's own user: see {@link OtherUsers}
   */
  public record Delegated(Path socket, IdPattern agents, Timing timing, boolean unsafeSameUser)
      implements Local {}

  /**
   * {@code development}: {@code broker-api}, asked of the development authority.
   *
   * @param socket its Broker API
   * @param agents whom it may answer with
   * @param timing how long to wait, how often to ask anew
   */
  public record Development(Path socket, IdPattern agents, Timing timing) implements Local {}

  /**
   * Agents that bring their own X.509-SVID over mTLS.
   *
   * @param agents who they may be
   * @param grace how long an agent may be without a connection before it counts as gone
   */
  public record Mtls(IdPattern agents, Duration grace) {
    /** Five seconds of grace. */
    public Mtls(IdPattern agents) {
      this(agents, Duration.ofSeconds(5));
    }
  }

  /**
   * How long and how often the issuer is asked.
   *
   * @param within how long one attestation may wait for the issuer
   * @param recheck after how long a process that asks again is attested anew: a process that has
   *     replaced its program (exec) is found out by then, not before
   */
  public record Timing(Duration within, Duration recheck) {
    /** 5 s, and 30 s. */
    public static final Timing USUAL = new Timing(Duration.ofSeconds(5), Duration.ofSeconds(30));
  }
}
