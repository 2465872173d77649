package io.exeat.flow;

import io.spiffe.spiffeid.SpiffeId;
import java.util.Optional;

/**
 * Who may be asked; the door knows who it is, the catalogue whose owner's yes it can say.
 *
 * @param who a SPIFFE ID, or {@code uid <n>} on the operators' socket
 * @param svid the SPIFFE ID of the SVID that was shown; empty on the operators' socket
 * @param isOperator whether it is one of the operators too
 */
public record Approver(String who, Optional<SpiffeId> svid, boolean isOperator) {
  /** An operator. */
  public Approver(Operator operator) {
    this(operator.who(), operator.svid(), true);
  }

  /** Somebody with an SVID, who is no operator. */
  public Approver(SpiffeId svid) {
    this(svid.toString(), Optional.of(svid), false);
  }
}
