package io.exeat.flow;

import io.exeat.base.TaskId;
import io.spiffe.spiffeid.SpiffeId;

/** What an operator names. */
public sealed interface Named {
  record One(TaskId task) implements Named {}

  record OfAgent(SpiffeId agent) implements Named {}

  /**
   * @param handle a credential's identifier or Vault's lease ID
   */
  record Lease(String handle) implements Named {}

  record Everything() implements Named {}
}
