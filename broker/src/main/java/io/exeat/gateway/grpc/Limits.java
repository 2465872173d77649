package io.exeat.gateway.grpc;

import java.time.Duration;

/**
 * What one client, and all together, may take of a door.
 *
 * @param callsPerConnection at once; HTTP/2 streams beyond it wait at the client
 * @param connectionsPerPeer of one uid, or of one SPIFFE ID
 * @param connections of all peers of the door together
 * @param handshake from the connection to the end of TLS, and to the first HTTP/2 frame
 * @param idle a connection of a Unix socket without a call for this long is closed; the client
 *     opens another when it needs one. One over mTLS is not: it shows that its agent is there
 */
public record Limits(
    int callsPerConnection,
    int connectionsPerPeer,
    int connections,
    Duration handshake,
    Duration idle) {

  /** One message; the largest well-formed one has about 62,000 bytes. */
  static final int MESSAGE_BYTES = 64 << 10;

  /** All headers of one call, as HTTP/2 counts them. */
  static final int METADATA_BYTES = 8 << 10;

  /**
   * Streams that a client may reset in {@link #RESET_SECONDS}; more closes the connection
   * (CVE-2023-44487).
   */
  static final int RESETS = 200;

  static final int RESET_SECONDS = 10;

  /** How long a connection too many is told so before it is closed. */
  static final long REFUSED_MILLIS = 1000;

  /** Unless configured otherwise. */
  public static final Limits DEFAULT =
      new Limits(100, 64, 2048, Duration.ofSeconds(10), Duration.ofMinutes(5));

  /**
   * @throws IllegalArgumentException when a limit is not positive
   */
  public Limits {
    if (callsPerConnection < 1
        || connectionsPerPeer < 1
        || connections < 1
        || !handshake.isPositive()
        || !idle.isPositive()) {
      throw new IllegalArgumentException("every limit must be more than 0");
    }
  }

  /** The same but for the numbers of connections. */
  Limits together(int perPeer, int all) {
    return new Limits(callsPerConnection, perPeer, all, handshake, idle);
  }
}
