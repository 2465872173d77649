package io.exeat.policy;

import io.exeat.base.Health;

/**
 * Decides before every act. What the ceiling forbids is never asked: policy can only narrow.
 *
 * <p>An engine that cannot answer, or not in its time, says {@link Decision.Failed}; it never
 * throws.
 */
public interface PolicyEngine {
  Decision decide(Question question);

  /** Whether it decides in this process and from memory: deciding waits for nobody. */
  boolean isHere();

  /**
   * What could be said to a question whose arguments are not known yet, and stand as none: a denial
   * where any arguments would be denied, a permit where some may be permitted. An engine that
   * cannot tell decides as if there were none.
   */
  default Decision foresee(Question question) {
    return decide(question);
  }

  /** Whether the policies that were last seen are those in force. */
  Health health();
}
