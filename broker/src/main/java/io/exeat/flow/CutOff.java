package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.Subscription;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tells, once, that what acts were done under has ended. */
public final class CutOff {
  private final Map<Object, Consumer<Fault>> waiting = new LinkedHashMap<>();
  private volatile @Nullable Fault why;

  /** It has ended. Returns at once; only the first call counts. */
  public void cut(Fault because) {
    List<Consumer<Fault>> told;
    synchronized (this) {
      if (why != null) {
        return;
      }
      why = because;
      told = new ArrayList<>(waiting.values());
      waiting.clear();
    }
    told.forEach(then -> tell(then, because));
  }

  /** Why it has ended; empty when it has not. */
  public Optional<Fault> why() {
    return Optional.ofNullable(why);
  }

  /** Runs {@code then} once it has ended, on a thread of its own. */
  public Subscription then(Consumer<Fault> then) {
    Object ticket = new Object();
    Fault already;
    synchronized (this) {
      already = why;
      if (already == null) {
        waiting.put(ticket, then);
      }
    }
    if (already != null) {
      tell(then, already);
    }
    return () -> forget(ticket);
  }

  private synchronized void forget(Object ticket) {
    waiting.remove(ticket);
  }

  private static void tell(Consumer<Fault> then, Fault because) {
    Thread.ofVirtual().name("cut off").start(() -> then.accept(because));
  }
}
