package io.exeat.credential.vault;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which session epochs belong to while one takes over from another. */
final class VaultSessionTest {
  private static final Epoch EPOCH = new Epoch(TaskId.random(), 1);
  private static final Accessor CHILD = new Accessor("child");

  private final VaultSession sessions =
      new VaultSession(
          new Time(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC), () -> 0L), Duration.ZERO);
  private final Session first = session("first");
  private final Session second = session("second");

  @Test
  void anOldSessionWithAChildUnderWayIsNotTakenForIdle() {
    sessions.succeed(first);
    Session entered = sessions.enter();
    sessions.succeed(second);
    assertThat(entered).isSameAs(first);
    assertThat(sessions.leftovers()).isEmpty();
    assertThat(first.add(CHILD, EPOCH)).isTrue();
    sessions.leave(first);
    assertThat(sessions.leftovers()).isEmpty();
    sessions.ended(CHILD);
    assertThat(sessions.leftovers()).containsExactly(first.accessor());
    assertThat(sessions.enter()).isSameAs(second);
  }

  @Test
  void aChildThatCameToNothingHoldsItsSessionNoLonger() {
    sessions.succeed(first);
    sessions.leave(sessions.enter());
    sessions.succeed(second);
    assertThat(sessions.leftovers()).containsExactly(first.accessor());
  }

  @Test
  void theEndOfASessionIsSaidOnceAndOnlyToItsOwn() {
    List<Set<Epoch>> heard = new ArrayList<>();
    sessions.succeed(first);
    sessions.expiring().add(heard::add);
    assertThat(first.add(CHILD, EPOCH)).isTrue();
    sessions.warn(first);
    sessions.warn(first);
    sessions.warn(second);
    assertThat(heard).containsExactly(Set.of(EPOCH));
  }

  @Test
  void whatVaultCutsShortEndsSoonerThanItsLife() {
    first.renewed(0, Duration.ofSeconds(30), false);
    assertThat(first.endTick()).isEqualTo(Duration.ofHours(1).toNanos());
    first.renewed(0, Duration.ofSeconds(20), true);
    assertThat(first.endTick()).isEqualTo(Duration.ofSeconds(20).toNanos());
    assertThat(first.deadTick()).isEqualTo(Duration.ofSeconds(20).toNanos());
  }

  private static Session session(String accessor) {
    return new Session(
        new Accessor(accessor),
        SecretBytes.adopt(new byte[1]),
        Duration.ofSeconds(30),
        Duration.ofHours(1),
        0);
  }
}
