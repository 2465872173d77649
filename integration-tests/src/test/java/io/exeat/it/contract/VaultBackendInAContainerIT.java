package io.exeat.it.contract;

/** With OpenBao in a container, made of the same binary and nothing else. */
final class VaultBackendInAContainerIT extends RealBackendContract {
  VaultBackendInAContainerIT() {
    super(Real.withContainer());
  }
}
