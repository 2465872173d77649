package io.exeat.attest;

import io.netty.util.concurrent.FastThreadLocalThread;

/**
 * An event loop asked for what is not in memory any more: nothing was done, and a thread that may
 * wait is to ask again.
 */
public final class WouldWait extends RuntimeException {
  private static final long serialVersionUID = 1L;

  WouldWait() {
    super("the issuer is to be asked, for which an event loop cannot wait", null, false, false);
  }

  /** Whether the current thread has others to serve. */
  static boolean isLoop() {
    return Thread.currentThread() instanceof FastThreadLocalThread;
  }
}
