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

  /** Whether the policies that were last seen are those in force. */
  Health health();
}
