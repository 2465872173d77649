package io.exeat.credential.vault;

import io.exeat.base.Epoch;
import io.exeat.base.Subscription;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who is told of epochs; one that fails does not keep the others from it. */
final class Hearers {
  private static final Logger LOG = LoggerFactory.getLogger(Hearers.class);

  private final List<Consumer<Set<Epoch>>> all = new CopyOnWriteArrayList<>();

  Subscription add(Consumer<Set<Epoch>> hearer) {
    all.add(hearer);
    return () -> all.remove(hearer);
  }

  void tell(Set<Epoch> epochs) {
    for (Consumer<Set<Epoch>> hearer : all) {
      try {
        hearer.accept(epochs);
      } catch (RuntimeException e) {
        LOG.error("Somebody who was told of the end of epochs failed", e);
      }
    }
  }
}
