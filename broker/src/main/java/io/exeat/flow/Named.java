package io.exeat.flow;

import io.exeat.base.TaskId;
import io.spiffe.spiffeid.SpiffeId;

/** What an operator names. */
public sealed interface Named {
  record One(TaskId task) implements Named {}

  /** The whole tree that the task belongs to, from its root. */
  record Tree(TaskId task) implements Named {}

  /** Every task whose scope holds the grant. */
  record Holding(String grant) implements Named {}

  record OfAgent(SpiffeId agent) implements Named {}

  /**
   * @param handle a credential's identifier or Vault's lease ID
   */
  record Lease(String handle) implements Named {}

  record Everything() implements Named {}
}
