package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Held;
import io.exeat.credential.Lent;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Obituary;
import io.exeat.revoke.Revoker;
import io.spiffe.spiffeid.SpiffeId;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An agent that reconnects as fast as it can while its credential is being ended. */
final class RevocationRaceIT {
  private static final int RUNS = Integer.getInteger("exeat.race.runs", 60);
  private static final int THREADS = 6;
  private static final SpiffeId AGENT = SpiffeId.parse("spiffe://example.org/agent/hostile");

  private final Exchange exchange = Exchange.begin();

  @AfterEach
  void closeIt() {
    exchange.close();
  }

  @Test
  void noSessionSurvivesAndNothingIsReadAfterTheProof() throws Exception {
    List<Long> millis = new ArrayList<>();
    try (Revoker revoker =
        new Revoker(
            exchange.backend, Map.of(exchange.real.target.name(), exchange.verifier), Real.TIME)) {
      for (int run = 0; run < RUNS; run++) {
        millis.add(race(revoker));
      }
    }
    millis.sort(null);
    System.out.printf(
        "race: %d runs, 0 survivors; end to proven dead p50 %d ms, max %d ms%n",
        RUNS, millis.get(RUNS / 2), millis.getLast());
  }

  private long race(Revoker revoker) throws Exception {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    AtomicBoolean stop = new AtomicBoolean();
    ConcurrentLinkedQueue<Long> reads = new ConcurrentLinkedQueue<>();
    List<Thread> agents = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      agents.add(Thread.ofPlatform().start(() -> hammer(lent, stop, reads)));
    }
    while (reads.size() < THREADS) {
      Thread.onSpinWait();
      TimeUnit.MILLISECONDS.sleep(1);
    }
    long begun = System.nanoTime();
    Obituary seen =
        revoker
            .end(
                new Condemned.WholeEpoch(
                    token.epoch(),
                    Optional.of(token.accessor()),
                    List.of(held(token.epoch(), lent)),
                    Set.of(exchange.real.target.name())),
                AGENT,
                _ -> Optional.of(lent.secret()))
            .get(30, TimeUnit.SECONDS);
    long dead = System.nanoTime();
    assertThat(seen.checks()).isNotEmpty();
    // Sessions that are there now would be survivors: look as superuser while the agent goes on
    // trying.
    TimeUnit.MILLISECONDS.sleep(30);
    assertThat(survivors(token.epoch())).isZero();
    stop.set(true);
    for (Thread agent : agents) {
      agent.join(Duration.ofSeconds(10));
    }
    assertThat(reads).allMatch(began -> began - dead < 0);
    return TimeUnit.NANOSECONDS.toMillis(dead - begun);
  }

  private Held held(Epoch epoch, Lent lent) {
    return new Held(
        CredentialId.random(),
        epoch,
        Exchange.READ.name(),
        exchange.real.target.name(),
        lent.lease(),
        lent.principal(),
        Held.Kind.POSTGRES_ROLE,
        Held.State.ACTIVE,
        Real.TIME.now(),
        lent.expiresAt(),
        Optional.empty());
  }

  /** Records when each successful read began. */
  private void hammer(Lent lent, AtomicBoolean stop, ConcurrentLinkedQueue<Long> reads) {
    while (!stop.get()) {
      try (Connection connection = exchange.connect(lent);
          Statement statement = connection.createStatement()) {
        for (int i = 0; i < 20 && !stop.get(); i++) {
          long began = System.nanoTime();
          try (ResultSet rows = statement.executeQuery("SELECT item FROM shop.orders")) {
            rows.next();
          }
          reads.add(began);
        }
      } catch (SQLException e) {
        Thread.onSpinWait();
      }
    }
  }

  private int survivors(Epoch epoch) {
    return Integer.parseInt(
        exchange.real.postgres.one(
            Real.DATABASE,
            "SELECT count(*) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"
                + " WHERE a.usesysid IS NOT NULL AND (r.oid IS NULL OR r.rolname LIKE 'x-"
                + epoch.label()
                + "-%')"));
  }
}
