package io.exeat.flow;

import io.exeat.base.TaskId;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What follows one another for each task, on virtual threads. A link is added together with the
 * change of state that asks for it, so links have the order of the states.
 */
final class Chains {
  private static final Logger LOG = LoggerFactory.getLogger(Chains.class);
  private static final Duration AFTER_A_DEFECT = Duration.ofSeconds(1);

  private final ConcurrentMap<TaskId, CompletableFuture<Void>> chains = new ConcurrentHashMap<>();

  /**
   * Makes the change of state, and adds the work that it asks for to the task's chain.
   *
   * @param change gives the work; empty when nothing changed. It must not wait. What it throws is
   *     thrown
   */
  void add(TaskId id, Supplier<Optional<Runnable>> change) {
    chains.compute(
        id,
        (key, before) -> {
          Optional<Runnable> work = change.get();
          if (work.isEmpty()) {
            return before;
          }
          CompletableFuture<Void> first =
              before == null ? CompletableFuture.completedFuture(null) : before;
          return first.thenRunAsync(() -> untilDone(id, work.get()), Chains::onItsOwn);
        });
  }

  CompletableFuture<Void> of(TaskId id) {
    return chains.getOrDefault(id, CompletableFuture.completedFuture(null));
  }

  void forget(TaskId id) {
    chains.computeIfPresent(id, (key, chain) -> chain.isDone() ? null : chain);
  }

  /** A defect does not end an ending: it is logged, and the work is done again. */
  private static void untilDone(TaskId id, Runnable work) {
    while (true) {
      try {
        work.run();
        return;
      } catch (RuntimeException | Error e) {
        LOG.error("Ending what {} holds failed; it is tried again", id, e);
        LockSupport.parkNanos(AFTER_A_DEFECT.toNanos());
      }
    }
  }

  static void onItsOwn(Runnable work) {
    Thread.ofVirtual().name("ending").start(work);
  }
}
