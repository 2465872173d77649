package io.exeat.revoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.credential.InMemoryBackend;
import io.exeat.credential.InMemoryTarget;
import io.exeat.credential.SessionLog;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A server that says that nobody may log in, and lets one in all the same. */
final class WhoIsLetInIsAliveTest {
  private static final SpiffeId AGENT = SpiffeId.parse("spiffe://example.org/agent/clerk");
  private static final String ROLE = "x-role";
  private static final int LET_IN = 2;

  private final Time time = new Time(Clock.systemUTC(), System::nanoTime);
  private final Open target = new Open();
  private final InMemoryBackend vault =
      new InMemoryBackend(
          time,
          new InMemoryTarget(),
          new SessionLog() {
            @Override
            public void opened(Accessor session) {}

            @Override
            public void ended(Accessor session) {}
          });
  private final Revoker revoker = new Revoker(vault, Map.of("orders", target), time);

  @AfterEach
  void close() {
    revoker.close();
  }

  @Test
  void itIsDeadWhenItIsRefusedAndNotBefore() {
    CompletableFuture<Obituary> death =
        revoker.end(
            new Condemned.OneCredential(held()), AGENT, id -> Optional.of(SecretBytes.adopt(pw())));

    await().atMost(Duration.ofSeconds(20)).until(death::isDone);
    assertThat(target.tried).hasValue(LET_IN + 1);
    assertThat(death.join().checks()).contains("orders: login as " + ROLE + ": refused");
  }

  /**
   * A login takes PostgreSQL a process, and us 4096 rounds: with Vault away for hours, too much.
   */
  @Test
  void whileVaultIsAwayItIsTriedOnceAndThenBeforeItIsDead() {
    vault.down();
    CompletableFuture<Obituary> death =
        revoker.end(
            new Condemned.OneCredential(held()), AGENT, id -> Optional.of(SecretBytes.adopt(pw())));
    await().atMost(Duration.ofSeconds(20)).until(() -> target.looks.get() > LET_IN + 2);
    assertThat(target.tried).hasValue(1);
    assertThat(death).isNotDone();

    vault.up();

    await().atMost(Duration.ofSeconds(20)).until(death::isDone);
    assertThat(target.tried).hasValue(LET_IN + 1);
    assertThat(death.join().checks()).contains("orders: login as " + ROLE + ": refused");
  }

  private static byte[] pw() {
    return new byte[] {'p'};
  }

  private static Held held() {
    Epoch epoch = new Epoch(TaskId.random(), 1);
    return new Held(
        CredentialId.random(),
        epoch,
        "orders-read",
        "orders",
        new LeaseId("database/creds/orders-read/1"),
        ROLE,
        Held.Kind.POSTGRES_ROLE,
        Held.State.REVOKING,
        Instant.EPOCH,
        Instant.EPOCH,
        Optional.empty());
  }

  private static final class Open extends TargetThatAnswers {
    final AtomicInteger looks = new AtomicInteger();
    final AtomicInteger tried = new AtomicInteger();

    @Override
    public void shut(Mark mark) {}

    @Override
    public Sighting look(Mark mark) {
      return look(mark, Map.of());
    }

    @Override
    public Sighting look(Mark mark, Map<String, SecretBytes> lent) {
      looks.incrementAndGet();
      if (lent.isEmpty()) {
        return new Sighting(List.of(), List.of("nothing was tried"));
      }
      assertThat(lent).containsOnlyKeys(ROLE);
      return tried.incrementAndGet() <= LET_IN
          ? new Sighting(List.of("the login of " + ROLE + " is let in"), List.of())
          : new Sighting(List.of(), List.of("login as " + ROLE + ": refused"));
    }
  }
}
