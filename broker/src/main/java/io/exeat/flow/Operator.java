package io.exeat.flow;

import io.spiffe.spiffeid.SpiffeId;
import java.util.Optional;

/**
 * Who acts as operator; the door has checked it.
 *
 * @param who for the audit: a SPIFFE ID, or {@code uid <n>} on the admin socket
 * @param svid the SPIFFE ID of the SVID that was shown; empty on the admin socket
 */
public record Operator(String who, Optional<SpiffeId> svid) {
  /** One that the kernel names. */
  public Operator(String who) {
    this(who, Optional.empty());
  }

  /** One that showed an SVID. */
  public Operator(SpiffeId svid) {
    this(svid.toString(), Optional.of(svid));
  }
}
