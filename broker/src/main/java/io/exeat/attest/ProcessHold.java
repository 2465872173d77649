package io.exeat.attest;

import io.exeat.base.Subscription;

/** One process, held so that its PID cannot come to mean another one. */
public interface ProcessHold {
  /**
   * Whether the process is there still: neither exited nor reaped.
   *
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when it cannot be looked at
   */
  boolean alive();

  /**
   * Equal for two connections of the same process, different for any two processes since boot: the
   * pidfd's inode where the kernel has pidfs (6.9), else pid and start time. Where neither can be
   * had (another PID namespace, older kernel) it names the connection alone.
   */
  String key();

  /**
   * Runs {@code then} once, on a thread of its own, when the process has exited; at once, when it
   * has. The process stays held until then or until the subscription is closed, even when the
   * connection that it was held by closes.
   */
  Subscription onDeath(Runnable then);
}
