package io.exeat.cli;

import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.Optional;

/** How commands reach a broker; the wiring knows the identities and transports for it. */
public interface Doors {
  /** Where agents call, by configuration and environment. */
  Path agentSocket();

  /** Where operators of this host call, by configuration and environment. */
  Path adminSocket();

  /** A channel over a Unix socket; connects at its first call. */
  ManagedChannel over(Path socket);

  /** Whom to expect at a TCP address, by configuration and environment. */
  Optional<String> brokerId();

  /**
   * A channel over mTLS with this process's own X.509-SVID to one broker: every other workload of
   * the trust domain, be it an agent that has taken the address, is refused.
   *
   * @param broker its SPIFFE ID
   * @throws io.exeat.config.ConfigException when {@code spiffe.*} does not say who this process is
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when this process has no SVID;
   *     Malformed when {@code broker} is no SPIFFE ID
   */
  ManagedChannel to(String host, int port, String broker);
}
