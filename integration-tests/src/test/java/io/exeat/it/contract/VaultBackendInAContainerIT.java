package io.exeat.it.contract;

import org.junit.jupiter.api.AfterAll;

/** With OpenBao in a container that has its binary and nothing else. */
final class VaultBackendInAContainerIT extends RealBackendContract {
  VaultBackendInAContainerIT() {
    super(Real.withContainer());
  }

  @AfterAll
  static void remove() {
    Real.removeContainer();
  }
}
