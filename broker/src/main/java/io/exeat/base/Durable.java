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

  /**
   * Runs {@code next} once, as soon as {@link #await} need not wait for the disk: on the writer's
   * own thread, which it must not keep, or on the caller's. A disk that never answers never runs
   * it.
   */
  default void then(Runnable next) {
    var _ =
        Thread.ofVirtual()
            .name("recorded")
            .start(() -> {
              try {
                await();
              } catch (RuntimeException e) {
                // Who awaits it is told.
              }
              next.run();
            });
  }
}
