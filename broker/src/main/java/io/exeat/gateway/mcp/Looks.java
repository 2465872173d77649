package io.exeat.gateway.mcp;

import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Has places looked at one after the other, each once however often it is asked for meanwhile. */
final class Looks {
  private final Consumer<Definitions.Place> look;
  private final Set<Definitions.Place> due = new LinkedHashSet<>();
  private boolean looking;

  /**
   * @param look called by one thread at a time; throws nothing
   */
  Looks(Consumer<Definitions.Place> look) {
    this.look = look;
  }

  /** Returns at once. */
  synchronized void at(Definitions.Place place) {
    due.add(place);
    if (!looking) {
      looking = true;
      Thread.ofVirtual().name("list looks").start(this::lookAtAll);
    }
  }

  /** Whether one is under way, or to come. */
  synchronized boolean areUnderWay() {
    return looking;
  }

  private void lookAtAll() {
    for (var place = next(); place.isPresent(); place = next()) {
      look.accept(place.get());
    }
  }

  private synchronized Optional<Definitions.Place> next() {
    Optional<Definitions.Place> next = due.stream().findFirst();
    next.ifPresent(due::remove);
    looking = next.isPresent();
    return next;
  }
}
