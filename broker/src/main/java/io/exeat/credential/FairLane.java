package io.exeat.credential;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * So many calls at a time, and so many of one caller; those that wait are let in by turns of their
 * callers. Who comes with one call stands behind one of each other caller's, however many of theirs
 * wait.
 */
public final class FairLane {
  private final int width;
  private final int ofOne;
  private final Duration patience;
  private final Fault.Dependency to;

  /** Who has calls under way or waiting, whose turn it is longest first. */
  private final Set<Caller> callers = new LinkedHashSet<>();

  private int inside;

  private static final class Caller {
    final String name;
    final Deque<Semaphore> waiting = new ArrayDeque<>();
    int inside;

    Caller(String name) {
      this.name = name;
    }

    boolean isGone() {
      return inside == 0 && waiting.isEmpty();
    }
  }

  private record Place(Caller of, Semaphore turn) {}

  /**
   * @param width calls at a time
   * @param ofOne of one caller
   * @param patience how long a call waits for its turn
   * @param to whom it leads
   */
  public FairLane(int width, int ofOne, Duration patience, Fault.Dependency to) {
    this.width = width;
    this.ofOne = ofOne;
    this.patience = patience;
    this.to = to;
  }

  /**
   * Calls when it is the caller's turn.
   *
   * @throws FaultException Unavailable when that does not come in time
   */
  public <T> T in(String caller, Supplier<T> call) {
    Place place = queue(caller);
    if (!comes(place.turn()) && isWithdrawn(place)) {
      throw tooLong(to);
    }
    try {
      return call.get();
    } finally {
      leave(place.of());
    }
  }

  static FaultException tooLong(Fault.Dependency to) {
    return new FaultException(
        new Fault.Unavailable(
            to, "as many calls as may be are under way for too long", Duration.ofMillis(200)));
  }

  private boolean comes(Semaphore turn) {
    try {
      return turn.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private synchronized Place queue(String name) {
    Caller caller =
        callers.stream()
            .filter(each -> each.name.equals(name))
            .findAny()
            .orElseGet(() -> new Caller(name));
    callers.add(caller);
    Semaphore turn = new Semaphore(0);
    caller.waiting.add(turn);
    letIn();
    return new Place(caller, turn);
  }

  /** False when its turn came at the last moment: then it is inside. */
  private synchronized boolean isWithdrawn(Place place) {
    boolean waited = place.of().waiting.remove(place.turn());
    if (place.of().isGone()) {
      callers.remove(place.of());
    }
    return waited;
  }

  private synchronized void leave(Caller caller) {
    caller.inside--;
    inside--;
    if (caller.isGone()) {
      callers.remove(caller);
    }
    letIn();
  }

  private void letIn() {
    for (Optional<Caller> next = next(); next.isPresent() && inside < width; next = next()) {
      Caller caller = next.get();
      callers.remove(caller);
      callers.add(caller); // its next turn comes after everybody's
      caller.inside++;
      inside++;
      caller.waiting.remove().release();
    }
  }

  private Optional<Caller> next() {
    return callers.stream()
        .filter(each -> !each.waiting.isEmpty() && each.inside < ofOne)
        .findFirst();
  }
}
