package io.exeat.task;

import java.util.Set;

/**
 * Where a broker hears an approver's yes.
 *
 * @param uids that may use the operators' socket
 * @param mtls whether there is a door for those with an SVID of their own
 */
public record ApproverDoors(Set<Integer> uids, boolean mtls) {
  public ApproverDoors {
    uids = Set.copyOf(uids);
  }
}
