package io.exeat.gateway.grpc;

import io.spiffe.spiffeid.SpiffeId;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;

/**
 * Where agents and operators that speak SPIFFE call, over mTLS.
 *
 * @param operators SPIFFE IDs that may act as operators; none unless configured
 * @param maxConnectionAge after which a connection is asked to end; {@link #half} of an SVID's life
 *     at most
 * @param ageGrace how long calls in flight then have; longer than any call with one answer waits
 */
public record TlsDoorConfig(
    InetSocketAddress address,
    Set<SpiffeId> operators,
    Duration maxConnectionAge,
    Duration ageGrace) {

  /** Unless configured otherwise. */
  public static final Duration AGE_GRACE = Duration.ofSeconds(40);

  public TlsDoorConfig {
    operators = Set.copyOf(operators);
  }

  /**
   * The longest that a connection may live, given an SVID's life: gRPC adds up to a tenth by
   * chance.
   */
  public static Duration half(Duration svidLife) {
    return svidLife.multipliedBy(45).dividedBy(100);
  }
}
