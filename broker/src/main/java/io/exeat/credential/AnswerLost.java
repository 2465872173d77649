package io.exeat.credential;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;

/**
 * A call that makes something got no answer that says whether it did: a time limit, a broken
 * connection, a server error. What it may have made hangs under the epoch's token, which therefore
 * has to end.
 */
public final class AnswerLost extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Fault.Unavailable fault;

  public AnswerLost(Fault.Unavailable fault, Throwable cause) {
    super(fault.toString(), cause);
    this.fault = fault;
  }

  /** The refusal that the caller gets, once the rest is under way. */
  public FaultException toFault() {
    return new FaultException(fault, this);
  }
}
