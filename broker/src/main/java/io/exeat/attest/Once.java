package io.exeat.attest;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Subscription;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Something that happens once, with its reason; whoever asks later is told at once. */
final class Once {
  @GuardedBy("this")
  private final Map<Object, Consumer<String>> waiting = new LinkedHashMap<>();

  @GuardedBy("this")
  private @Nullable String happened;

  /** Runs {@code then} on a virtual thread when it happens. */
  Subscription then(Consumer<String> then) {
    Object ticket = new Object();
    synchronized (this) {
      if (happened == null) {
        waiting.put(ticket, then);
        return () -> forget(ticket);
      }
      String why = happened;
      run(then, why);
      return () -> {};
    }
  }

  /** False when it had happened before. */
  boolean happen(String why) {
    List<Consumer<String>> told;
    synchronized (this) {
      if (happened != null) {
        return false;
      }
      happened = why;
      told = List.copyOf(waiting.values());
      waiting.clear();
    }
    told.forEach(then -> run(then, why));
    return true;
  }

  synchronized boolean hasHappened() {
    return happened != null;
  }

  private synchronized void forget(Object ticket) {
    waiting.remove(ticket);
  }

  private static void run(Consumer<String> then, String why) {
    var _ = Thread.ofVirtual().name("exeat-gone").start(() -> then.accept(why));
  }
}
