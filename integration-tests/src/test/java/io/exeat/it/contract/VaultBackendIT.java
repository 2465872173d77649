package io.exeat.it.contract;

/** With OpenBao as a process here. */
final class VaultBackendIT extends RealBackendContract {
  VaultBackendIT() {
    super(Real.get());
  }
}
