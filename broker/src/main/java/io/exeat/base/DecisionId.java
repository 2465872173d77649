package io.exeat.base;

/** A decision's handle: {@code d} and 20 characters of {@code [0-9a-z]}; no secret. */
public record DecisionId(String value) {
  /**
   * @throws FaultException {@link Fault.Malformed} for {@code decision_id} when the shape is
   *     another
   */
  public DecisionId {
    RandomId.check("decision_id", 'd', value);
  }

  /** A new one from the system's secure random source. */
  public static DecisionId random() {
    return new DecisionId(RandomId.next('d'));
  }

  @Override
  public String toString() {
    return value;
  }
}
