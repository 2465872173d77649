package io.exeat.revoke;

/** Puts the broker's name to a receipt. */
@FunctionalInterface
public interface ReceiptSigner {
  /**
   * The receipt as a JWS in compact form, one line, signed with the broker's own X.509-SVID.
   *
   * @throws io.exeat.base.FaultException Unavailable IDENTITY while the broker has none: to be
   *     tried again
   */
  String sign(Receipt receipt);
}
