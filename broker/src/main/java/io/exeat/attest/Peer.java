package io.exeat.attest;

import io.spiffe.spiffeid.SpiffeId;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;

/**
 * Who is at the other end of a connection, as the kernel or the TLS handshake says. Its one claim
 * of its own, {@link Tls#instance}, gives it nothing.
 */
public sealed interface Peer {
  /**
   * A process at the other end of a Unix socket, as it was at {@code connect()} (SO_PEERCRED).
   *
   * @param pid in the broker's PID namespace; 0 when the process is not visible there, as between
   *     the containers of a pod
   * @param startTicks {@code /proc/<pid>/stat} field 22, clock ticks since boot; -1 when pid is 0
   * @param process the pidfd (SO_PEERPIDFD): names this one process for as long as the connection
   *     lives
   */
  record Local(int pid, int uid, int gid, long startTicks, ProcessHold process) implements Peer {}

  /**
   * An mTLS client.
   *
   * @param chain leaf first, as presented; verified against the bundle of its trust domain when the
   *     connection was made, and to be looked at again for each call
   * @param connection names the connection, for presence
   * @param instance which instance of its agent the client says it is. Nothing vouches for it: it
   *     tells apart what shows one SPIFFE ID, and opens nothing that the SPIFFE ID would not
   */
  record Tls(List<X509Certificate> chain, long connection, Optional<String> instance)
      implements Peer {
    public Tls {
      chain = List.copyOf(chain);
    }

    /** One that has not said. */
    public Tls(List<X509Certificate> chain, long connection) {
      this(chain, connection, Optional.empty());
    }
  }

  /**
   * A caller whose SPIFFE ID the door has verified by other means than the connection. It may move
   * from one process to another, so it has only tasks that are bound to the identity.
   *
   * @param by what showed it, such as {@code jwt} for a JWT-SVID: policies see it
   */
  record Vouched(SpiffeId id, String by) implements Peer {}
}
