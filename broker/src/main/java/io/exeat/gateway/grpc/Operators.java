package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.flow.Operator;

/** Which peers of a door are operators. */
@FunctionalInterface
interface Operators {

  /**
   * The operator that {@code peer} is.
   *
   * @throws io.exeat.base.FaultException Denied when the peer is none
   */
  Operator require(Peer peer);
}
