package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.flow.Approver;

/** Who a door's peers are when they say yes or no; what they may answer is the flow's to know. */
@FunctionalInterface
interface Approvers {

  /**
   * Who {@code peer} is.
   *
   * @throws io.exeat.base.FaultException Denied or Unattested when the door cannot say
   */
  Approver of(Peer peer);
}
