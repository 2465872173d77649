package io.exeat.attest;

import org.jspecify.annotations.NullMarked;

/** As an attestor throws it on an event loop. */
@NullMarked
public final class WouldWaits {
  private WouldWaits() {}

  public static WouldWait one() {
    return new WouldWait();
  }
}
