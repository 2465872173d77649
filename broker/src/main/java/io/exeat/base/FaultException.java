package io.exeat.base;

/**
 * Everything that a step throws on purpose. The fault's fields go to the caller; the cause, if any,
 * goes to the log alone.
 */
public final class FaultException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Fault fault;

  public FaultException(Fault fault) {
    super(fault.toString());
    this.fault = fault;
  }

  public FaultException(Fault fault, Throwable cause) {
    super(fault.toString(), cause);
    this.fault = fault;
  }

  /** What to tell the caller. */
  public Fault fault() {
    return fault;
  }
}
