package io.exeat.base;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One thread that owns a file, for callers on many: what arrives while it writes goes into its next
 * batch, so that all of a batch share one fsync.
 *
 * @param <T> what callers hand in
 */
public final class GroupCommit<T> implements AutoCloseable {
  private static final int MOST_IN_A_BATCH = 1024;
  private static final Duration TICK = Duration.ofSeconds(1);

  private final ArrayDeque<Entry<T>> queue = new ArrayDeque<>();
  private final Batch<T> batch;
  private final Time time;
  private final Thread owner;
  private final Spread waits = new Spread();
  private boolean closed;

  /** Whether something in the queue is waited for. */
  private boolean urgent;

  /**
   * Starts the thread: a platform thread, because native file calls would pin a virtual one's
   * carrier.
   *
   * @param name the thread's
   */
  public GroupCommit(String name, Time time, Batch<T> batch) {
    this.batch = batch;
    this.time = time;
    this.owner = Thread.ofPlatform().name(name).daemon().unstarted(this::run);
    owner.start();
  }

  /**
   * Hands in {@code item} and waits until its batch is through. An interrupt is kept for later.
   *
   * @throws RuntimeException what the batch said about this item
   * @throws TimeoutException after {@code within}; the item may be through later
   * @throws RejectedExecutionException after {@link #close}
   */
  public void submit(T item, Duration within) throws TimeoutException {
    begin(item).await(time, time.after(within));
  }

  /**
   * Hands in {@code item}; {@link Entry#await} waits for its batch.
   *
   * @throws RejectedExecutionException after {@link #close}
   */
  public Entry<T> begin(T item) {
    Entry<T> entry = new Entry<>(item, OptionalLong.of(time.after(Duration.ZERO)));
    synchronized (this) {
      add(entry);
      urgent = true;
      notifyAll();
    }
    return entry;
  }

  /**
   * Hands in {@code item} for a caller that does something else meanwhile.
   *
   * @param within from now, for whoever awaits it; it may be through later
   * @param what has the file, for people: {@code the audit}
   * @param refusal makes what is thrown, here after {@link #close}, and to who awaits in vain
   */
  public Durable begin(
      T item, Duration within, String what, Function<String, RuntimeException> refusal) {
    Entry<T> entry;
    try {
      entry = begin(item);
    } catch (RejectedExecutionException e) {
      throw refusal.apply(what + " is closed");
    }
    return new Handed(
        entry,
        time,
        time.after(within),
        () ->
            refusal.apply(
                "%s's disk has not answered for %d s; look at its health"
                    .formatted(what, within.toSeconds())));
  }

  /**
   * Hands in {@code item}, for which nobody waits: it goes with the next batch, a second from now
   * at the latest.
   *
   * @throws RejectedExecutionException after {@link #close}
   */
  public synchronized void later(T item) {
    add(new Entry<>(item, OptionalLong.empty()));
  }

  @GuardedBy("this")
  private void add(Entry<T> entry) {
    if (closed) {
      throw new RejectedExecutionException("closed");
    }
    queue.add(entry);
  }

  /** Lets what was handed in go through, then ends the thread. Idempotent. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    boolean interrupted = false;
    while (owner.isAlive()) {
      try {
        owner.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** How long those that are waited for took until their batch was through, failed or not. */
  public Spread waits() {
    return waits;
  }

  private void run() {
    List<Entry<T>> entries = new ArrayList<>();
    while (awaitSome(entries)) {
      try {
        batch.commit(entries);
        entries.forEach(entry -> entry.begun.ifPresent(at -> waits.add(time.since(at))));
        entries.forEach(Entry::done);
      } catch (RuntimeException | Error e) {
        entries.forEach(entry -> entry.fail(() -> new IllegalStateException("batch failed", e)));
      }
      entries.clear();
    }
  }

  /** False when this is closed and nothing is left. Waking up for nothing is an early tick. */
  @SuppressWarnings("WaitNotInLoop")
  private synchronized boolean awaitSome(List<Entry<T>> entries) {
    if (!urgent && !closed) {
      try {
        wait(TICK.toMillis());
      } catch (InterruptedException e) {
        // Nobody has this thread to interrupt it.
      }
    }
    while (!queue.isEmpty() && entries.size() < MOST_IN_A_BATCH) {
      entries.add(queue.remove());
    }
    urgent = !queue.isEmpty();
    return !closed || !entries.isEmpty();
  }

  /** What the owner thread does with a batch. */
  @FunctionalInterface
  public interface Batch<T> {
    /**
     * Writes the entries, in order; when it returns, those that it did not {@link Entry#fail fail}
     * are through. Called with none about once a second while nothing arrives, or sooner.
     */
    void commit(List<Entry<T>> entries);
  }

  private record Handed(
      Entry<?> entry, Time time, long until, Supplier<? extends RuntimeException> late)
      implements Durable {
    @Override
    public void await() {
      try {
        entry.await(time, until);
      } catch (TimeoutException e) {
        throw late.get();
      }
    }

    @Override
    public void then(Runnable next) {
      var _ = entry.outcome.thenRun(next);
    }
  }

  /** One item and who waits for it. */
  public static final class Entry<T> {
    private final T item;
    private final CompletableFuture<@Nullable Supplier<? extends RuntimeException>> outcome =
        new CompletableFuture<>();

    /** Empty when nobody waits for it. */
    private final OptionalLong begun;

    private Entry(T item, OptionalLong begun) {
      this.item = item;
      this.begun = begun;
    }

    public T item() {
      return item;
    }

    /** Has the caller throw {@code failure}, made on its own thread. The first one counts. */
    public void fail(Supplier<? extends RuntimeException> failure) {
      outcome.complete(failure);
    }

    private void done() {
      outcome.complete(null);
    }

    /**
     * Waits until the batch is through. An interrupt is kept for later.
     *
     * @param until a tick of {@code time}
     * @throws RuntimeException what the batch said about this item
     * @throws TimeoutException when it is not through by then; it may be later
     */
    public void await(Time time, long until) throws TimeoutException {
      boolean interrupted = false;
      try {
        while (true) {
          try {
            Supplier<? extends RuntimeException> failure =
                outcome.get(time.until(until).toNanos(), TimeUnit.NANOSECONDS);
            if (failure != null) {
              throw failure.get();
            }
            return;
          } catch (InterruptedException e) {
            interrupted = true;
          } catch (ExecutionException e) {
            throw new IllegalStateException(e);
          }
        }
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }
}
