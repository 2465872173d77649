package io.exeat.attest;

/** One process, held so that its PID cannot come to mean another one. */
public interface ProcessHold {
  /** Whether the process is there still: neither exited nor reaped. */
  boolean alive();

  /**
   * Equal for two connections of the same process, different for any two processes since boot: the
   * pidfd's inode where the kernel has pidfs (6.9), else pid and start time.
   */
  String key();
}
