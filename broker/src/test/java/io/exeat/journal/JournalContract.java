package io.exeat.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.journal.Journal.Outstanding;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every journal must do. */
public abstract class JournalContract {
  protected static final SpiffeId AGENT =
      SpiffeId.parse("spiffe://example.org/ns/demo/sa/billing/agent/billing");
  protected static final Instant NOW = Instant.parse("2026-11-22T06:30:00.123456789Z");

  private Journal journal;

  /** A journal with nothing in it. */
  protected abstract Journal fresh() throws Exception;

  /** The journal as the next process finds it, after a clean stop. */
  protected abstract Journal restarted(Journal journal) throws Exception;

  /** From now on facts that add cannot be written. */
  protected abstract void breakDown(Journal journal) throws Exception;

  @BeforeEach
  void open() throws Exception {
    journal = fresh();
  }

  @AfterEach
  void close() {
    journal.close();
  }

  @Test
  void aFreshOneHoldsNothing() {
    assertThat(journal.outstanding()).isEmpty();
    assertThat(journal.sessions()).isEmpty();
    assertThat(journal.problem()).isEmpty();
  }

  @Test
  void aKillStaysUntilTheAgentIsRestored() throws Exception {
    Kill kill = new Kill(AGENT, "billing", NOW, "uid 0", "went \u00e4stray");
    SpiffeId other = SpiffeId.parse("spiffe://example.org/ns/demo/sa/billing/agent/Billing");
    journal.killed(kill);
    journal.killed(new Kill(AGENT, "billing", NOW.plusSeconds(1), "uid 1", "again"));
    assertThat(journal.kills()).containsExactly(kill);
    journal.restored(other);
    journal = restarted(journal);
    assertThat(journal.kills()).containsExactly(kill);
    journal.restored(AGENT);
    assertThat(journal.kills()).isEmpty();
    journal = restarted(journal);
    assertThat(journal.kills()).isEmpty();
  }

  @Test
  void aKillHoldsWithoutADiskAndNobodyIsRestoredWithoutOne() throws Exception {
    Kill kill = new Kill(AGENT, "billing", NOW, "uid 0", "");
    breakDown(journal);
    journal.killed(kill);
    assertThat(journal.kills()).containsExactly(kill);
    assertThatThrownBy(() -> journal.restored(AGENT)).isInstanceOf(FaultException.class);
    assertThat(journal.kills()).containsExactly(kill);
  }

  @Test
  void anIntentionIsOutstandingBeforeItHasAToken() throws Exception {
    Epoch epoch = epoch();
    journal.intend(epoch, AGENT, Set.of("orders", "billing")).await();
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("billing", "orders"),
            Optional.empty(),
            List.of(),
            Optional.empty()));
  }

  @Test
  void anEpochIsOutstandingWithItsTokenAndItsCredentialsOldestFirst() throws Exception {
    Epoch epoch = epoch();
    Held first = held(epoch);
    Held second = held(epoch);
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    journal.bind(epoch, new Accessor("accessor-1")).await();
    journal.lent(first).await();
    journal.lent(second).await();
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("orders"),
            Optional.of(new Accessor("accessor-1")),
            List.of(first, second),
            Optional.empty()));
  }

  @Test
  void aSettledEpochIsForgottenAndItsSuccessorIsNot() throws Exception {
    Epoch old = epoch();
    Epoch next = old.next();
    journal.intend(old, AGENT, Set.of("orders")).await();
    journal.lent(held(old)).await();
    journal.intend(next, AGENT, Set.of("orders")).await();
    journal.settled(old);
    assertOutstanding(intended(next));
  }

  @Test
  void epochsAreListedOldestFirst() throws Exception {
    List<Epoch> epochs = List.of(epoch(), epoch(), epoch());
    epochs.forEach(epoch -> journal.intend(epoch, AGENT, Set.of("orders")).await());
    journal.bind(epochs.get(0), new Accessor("late")).await();
    assertThat(journal.outstanding()).extracting(Outstanding::epoch).isEqualTo(epochs);
    journal = restarted(journal);
    assertThat(journal.outstanding()).extracting(Outstanding::epoch).isEqualTo(epochs);
  }

  @Test
  void theFirstCauseStaysAndItsCredentialsAreRevoking() throws Exception {
    Epoch epoch = epoch();
    Held held = held(epoch);
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    journal.lent(held).await();
    journal.ending(epoch, "COMPLETED");
    journal.ending(epoch, "EXPIRED");
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("orders"),
            Optional.empty(),
            List.of(in(held, Held.State.REVOKING, Optional.empty())),
            Optional.of("COMPLETED")));
  }

  @Test
  void aCredentialLentWhileItsEpochEndsIsTakenDown() throws Exception {
    Epoch epoch = epoch();
    Held held = held(epoch);
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    journal.ending(epoch, "CANCELLED");
    journal.lent(held).await();
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("orders"),
            Optional.empty(),
            List.of(in(held, Held.State.REVOKING, Optional.empty())),
            Optional.of("CANCELLED")));
  }

  @Test
  void aDeadCredentialStaysDeadSinceTheFirstTime() throws Exception {
    Epoch epoch = epoch();
    Held dead = held(epoch);
    Held alive = held(epoch);
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    journal.lent(dead).await();
    journal.lent(alive).await();
    journal.dead(dead.id(), NOW.plusSeconds(5));
    journal.dead(dead.id(), NOW.plusSeconds(9));
    journal.ending(epoch, "COMPLETED");
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("orders"),
            Optional.empty(),
            List.of(
                in(dead, Held.State.REVOKED, Optional.of(NOW.plusSeconds(5))),
                in(alive, Held.State.REVOKING, Optional.empty())),
            Optional.of("COMPLETED")));
  }

  @Test
  void repeatingAFactChangesNothing() throws Exception {
    Epoch epoch = epoch();
    Held held = held(epoch);
    for (int i = 0; i < 2; i++) {
      journal.session(new Accessor("session"));
      journal.intend(epoch, AGENT, Set.of("orders")).await();
      journal.bind(epoch, new Accessor("token")).await();
      journal.lent(held).await();
    }
    assertThat(journal.sessions()).containsExactly(new Accessor("session"));
    assertOutstanding(
        new Outstanding(
            epoch,
            AGENT,
            Set.of("orders"),
            Optional.of(new Accessor("token")),
            List.of(held),
            Optional.empty()));
    for (int i = 0; i < 2; i++) {
      journal.settled(epoch);
      journal.sessionEnded(new Accessor("session"));
    }
    assertThat(journal.sessions()).isEmpty();
    assertOutstanding();
  }

  @Test
  void endingWhatIsNotWrittenDownIsNoFault() throws Exception {
    journal.ending(epoch(), "COMPLETED");
    journal.dead(CredentialId.random(), NOW);
    journal.settled(epoch());
    journal.sessionEnded(new Accessor("unknown"));
    assertOutstanding();
  }

  @Test
  void aTokenOrCredentialOfAnUnknownEpochIsADefectOfTheCaller() {
    assertThatThrownBy(() -> journal.bind(epoch(), new Accessor("token")).await())
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> journal.lent(held(epoch())).await())
        .isInstanceOf(IllegalStateException.class);
    assertThat(journal.outstanding()).isEmpty();
  }

  @Test
  void sessionsAreListedOldestFirstUntilTheyHaveEnded() throws Exception {
    journal.session(new Accessor("one"));
    journal.session(new Accessor("two"));
    journal.session(new Accessor("three"));
    journal.sessionEnded(new Accessor("two"));
    assertThat(journal.sessions()).containsExactly(new Accessor("one"), new Accessor("three"));
    journal = restarted(journal);
    assertThat(journal.sessions()).containsExactly(new Accessor("one"), new Accessor("three"));
  }

  @Test
  void manyThreadsLoseNothing() throws Exception {
    int threads = 64;
    int each = 8;
    Callable<Boolean> caller =
        () -> {
          for (int i = 0; i < each; i++) {
            Epoch kept = epoch();
            Epoch gone = kept.next();
            journal.intend(kept, AGENT, Set.of("orders")).await();
            journal.intend(gone, AGENT, Set.of("orders")).await();
            journal.bind(kept, new Accessor(kept.label())).await();
            journal.lent(held(kept)).await();
            journal.settled(gone);
          }
          return true;
        };
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Boolean> done : pool.invokeAll(Collections.nCopies(threads, caller))) {
        assertThat(done.get()).isTrue();
      }
    }
    journal = restarted(journal);
    assertThat(journal.outstanding())
        .hasSize(threads * each)
        .allSatisfy(one -> {
          assertThat(one.token()).contains(new Accessor(one.epoch().label()));
          assertThat(one.credentials()).hasSize(1);
        });
  }

  @Test
  void whenItCannotWriteItRefusesWhatAddsAndStillTakesWhatEnds() throws Exception {
    Epoch epoch = epoch();
    Epoch other = epoch();
    Held held = held(epoch);
    journal.session(new Accessor("session"));
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    journal.intend(other, AGENT, Set.of("orders")).await();
    journal.lent(held).await();
    breakDown(journal);

    assertRefused(() -> journal.session(new Accessor("second")));
    assertRefused(() -> journal.intend(epoch(), AGENT, Set.of("orders")).await());
    assertRefused(() -> journal.bind(epoch, new Accessor("token")).await());
    assertRefused(() -> journal.lent(held(epoch)).await());
    assertThat(journal.problem()).isPresent();

    assertThatCode(
            () -> {
              journal.ending(epoch, "OPERATOR");
              journal.dead(held.id(), NOW);
              journal.settled(other);
              journal.sessionEnded(new Accessor("session"));
            })
        .doesNotThrowAnyException();
    assertThat(journal.sessions()).isEmpty();
    assertThat(journal.outstanding())
        .containsExactly(
            new Outstanding(
                epoch,
                AGENT,
                Set.of("orders"),
                Optional.empty(),
                List.of(in(held, Held.State.REVOKED, Optional.of(NOW))),
                Optional.of("OPERATOR")));
  }

  private void assertOutstanding(Outstanding... expected) throws Exception {
    assertThat(journal.outstanding()).containsExactly(expected);
    journal = restarted(journal);
    assertThat(journal.outstanding()).containsExactly(expected);
  }

  private static void assertRefused(Runnable addition) {
    assertThatThrownBy(addition::run)
        .isInstanceOfSatisfying(
            FaultException.class,
            refused ->
                assertThat(refused.fault())
                    .isInstanceOfSatisfying(
                        Fault.Unavailable.class,
                        fault ->
                            assertThat(fault.dependency()).isEqualTo(Fault.Dependency.JOURNAL)));
  }

  protected static Epoch epoch() {
    return new Epoch(TaskId.random(), 1);
  }

  protected static Outstanding intended(Epoch epoch) {
    return new Outstanding(
        epoch, AGENT, Set.of("orders"), Optional.empty(), List.of(), Optional.empty());
  }

  protected static Held held(Epoch epoch) {
    CredentialId id = CredentialId.random();
    return new Held(
        id,
        epoch,
        "orders-read",
        "orders",
        new LeaseId("database/creds/orders-read/" + id.value()),
        "x-" + epoch.label(),
        Held.Kind.POSTGRES_ROLE,
        Held.State.ACTIVE,
        NOW,
        NOW.plusSeconds(60),
        Optional.empty());
  }

  private static Held in(Held held, Held.State state, Optional<Instant> deadAt) {
    return new Held(
        held.id(),
        held.epoch(),
        held.grant(),
        held.target(),
        held.lease(),
        held.principal(),
        held.kind(),
        state,
        held.issuedAt(),
        held.expiresAt(),
        deadAt);
  }
}
