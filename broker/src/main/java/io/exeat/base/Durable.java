package io.exeat.base;

import com.google.errorprone.annotations.CheckReturnValue;

/**
 * A write that was handed in, in the order of the calls, so that its caller can do something else
 * while the disk works. It counts only once it has been awaited.
 */
@CheckReturnValue
@FunctionalInterface
public interface Durable {
  /**
   * Returns once the write is durable (fsync). May be called again.
   *
   * @throws RuntimeException what the writer says when it could not be made durable
   */
  void await();
}
