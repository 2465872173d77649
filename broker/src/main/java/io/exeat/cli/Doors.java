package io.exeat.cli;

import io.grpc.ManagedChannel;
import java.nio.file.Path;

/** How commands reach a broker; the wiring knows the identities and transports for it. */
public interface Doors {
  /** Where agents call, by configuration and environment. */
  Path agentSocket();

  /** Where operators of this host call, by configuration and environment. */
  Path adminSocket();

  /** A channel over a Unix socket; connects at its first call. */
  ManagedChannel over(Path socket);

  /**
   * A channel over mTLS with this process's own X.509-SVID to a broker of the same trust domain.
   *
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when this process has no SVID
   */
  ManagedChannel to(String host, int port);
}
