package io.exeat.policy;

/** Decides before every act. An engine that cannot answer denies; it never throws. */
public interface PolicyEngine {
  Decision decide(Question question);
}
