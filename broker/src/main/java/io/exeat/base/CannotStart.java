package io.exeat.base;

/** What the broker needs is not as it must be, so it does not start; says what to do. */
public final class CannotStart extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param what is wrong: the file, and where in it; no secret
   * @param remedy what the person in front of it can do
   */
  public CannotStart(String what, String remedy) {
    super(what + "\n  " + remedy);
  }

  public CannotStart(String what, String remedy, Throwable cause) {
    super(what + "\n  " + remedy, cause);
  }
}
