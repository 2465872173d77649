package io.exeat.journal.sqlite;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.credential.Held;
import io.exeat.journal.Kill;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.Set;

/** One line of the journal: a call of {@link io.exeat.journal.Journal}, kept as it came. */
sealed interface Fact {
  /** Whether it adds to what may be done: then it must be durable before it holds. */
  default boolean adds() {
    return switch (this) {
      case Session _, Intended _, Bound _, Lent _, Restored _ -> true;
      case SessionEnded _, Ending _, Dead _, Settled _, Killed _ -> false;
    };
  }

  record Session(Accessor session) implements Fact {}

  record SessionEnded(Accessor session) implements Fact {}

  record Intended(Epoch epoch, SpiffeId agent, Set<String> targets) implements Fact {
    public Intended {
      targets = Set.copyOf(targets);
    }
  }

  record Bound(Epoch epoch, Accessor token) implements Fact {}

  record Lent(Held credential) implements Fact {}

  record Ending(Epoch epoch, String cause) implements Fact {}

  record Dead(CredentialId credential, Instant at) implements Fact {}

  record Settled(Epoch epoch) implements Fact {}

  record Killed(Kill kill) implements Fact {}

  record Restored(SpiffeId agent) implements Fact {}
}
