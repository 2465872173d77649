package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.CredentialId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Held;
import io.exeat.credential.Lent;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Revoker;
import io.spiffe.spiffeid.SpiffeId;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A borrowed role that does what PostgreSQL lets it do against its own ending and others'. */
final class HostileRoleIT {
  private static final int RUNS = Integer.getInteger("exeat.race.runs", 20);
  private static final int THREADS = 6;

  private final Exchange exchange = Exchange.begin();
  private final AtomicBoolean stop = new AtomicBoolean();
  private final List<Thread> agents = new ArrayList<>();
  private final Revoker revoker =
      new Revoker(
          exchange.backend, Map.of(exchange.real.target.name(), exchange.verifier), Real.TIME);

  @AfterEach
  void closeAll() throws InterruptedException {
    rest();
    revoker.close();
    exchange.close();
  }

  @Test
  void whoHoldsItsOwnRoleIsDeadSoonAndHoldsUpNobodyElse() throws Exception {
    List<Long> its = new ArrayList<>();
    List<Long> others = new ArrayList<>();
    for (int run = 0; run < RUNS; run++) {
      Borrowed hostile = borrow();
      Borrowed honest = borrow();
      attack(hostile, "ALTER ROLE \"" + hostile.lent.principal() + "\" PASSWORD 'y'");
      Future<Long> other = timed(honest);
      its.add(timed(hostile).get());
      others.add(other.get());
      TimeUnit.MILLISECONDS.sleep(30);
      assertThat(survivors()).isZero();
      rest();
    }
    print("holds its own role", its);
    print("another task meanwhile", others);
    assertThat(its.get(RUNS / 2)).isLessThan(1000);
    assertThat(others.get(RUNS / 2)).isLessThan(1000);
  }

  /** What each session does and then holds, reconnecting when it is ended; %s is its role. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "ALTER ROLE \"%s\" SET work_mem = '1MB'",
        "GRANT CONNECT ON DATABASE orders TO PUBLIC",
        "SELECT pg_current_xact_id(); SAVEPOINT s; GRANT CONNECT ON DATABASE orders TO PUBLIC;"
            + " RELEASE SAVEPOINT s",
        "LOCK TABLE shop.orders IN ACCESS SHARE MODE",
        "LISTEN x; NOTIFY x",
        "SELECT pg_advisory_lock((random() * 1e15)::bigint) FROM generate_series(1, 20000)",
        "SELECT pg_advisory_lock_shared(i) FROM generate_series(1, 20000) i",
      })
  void whatItHoldsKeepsNeitherItselfAliveNorAnotherTaskWaiting(String trick) throws Exception {
    Borrowed honest = borrow();
    Borrowed hostile = borrow();
    exchange.verifier.look(hostile.condemned(exchange).mark()); // the broker was there before
    attack(hostile, trick.formatted(hostile.lent.principal()));
    TimeUnit.MILLISECONDS.sleep(500);
    long other = timed(honest).get();
    long its = timed(hostile).get();
    assertThat(survivors()).isZero();
    System.out.printf("hostile: %d ms, another %d ms: %s%n", its, other, trick);
    keepsNoSnapshot();
    assertThat(exchange.backend.issue(honest.next(exchange), Exchange.READ)).isNotNull();
  }

  /** Or VACUUM takes nothing away in this database while the broker runs. */
  @Test
  void whoLooksKeepsNoSnapshot() throws Exception {
    assertThat(timed(borrow()).get()).isNotNegative();
    keepsNoSnapshot();
  }

  @Test
  void itOwnsNothingHereOrElsewhere() throws SQLException {
    Borrowed it = borrow();
    try (Connection agent = exchange.connect(it.lent);
        Statement statement = agent.createStatement()) {
      for (String refused :
          List.of(
              "SELECT lo_create(0)",
              "SELECT lo_creat(-1)",
              "SELECT lo_from_bytea(0, 'x')",
              "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
              "GRANT SELECT ON shop.orders TO PUBLIC",
              "GRANT \"" + it.lent.principal() + "\" TO vaultadmin",
              "DROP OWNED BY CURRENT_USER",
              "ALTER EVENT TRIGGER exeat_refuse DISABLE",
              "SELECT exeat.make_way()")) {
        assertThatThrownBy(() -> statement.execute(refused))
            .as(refused)
            .isInstanceOf(SQLException.class);
      }
    }
    assertThatThrownBy(() ->
            exchange.real.postgres.connect(
                "postgres", it.lent.principal(), Exchange.password(it.lent)))
        .hasMessageContaining("permission denied for database");
  }

  @Test
  void moreLargeObjectsThanLocksAreUnlinkedBitByBit() throws Exception {
    exchange.real.postgres.execute(Real.DATABASE, "GRANT EXECUTE ON FUNCTION lo_create TO PUBLIC");
    Borrowed it = borrow();
    try (Connection agent = exchange.connect(it.lent);
        Statement statement = agent.createStatement()) {
      for (int i = 0; i < 6; i++) {
        statement.execute("SELECT lo_create(0) FROM generate_series(1, 5000)");
      }
    } finally {
      exchange.real.postgres.execute(
          Real.DATABASE, "REVOKE EXECUTE ON FUNCTION lo_create FROM PUBLIC");
    }
    System.out.printf("hostile: %d ms: 30000 large objects%n", timed(it).get());
    assertThat(exchange.roles(it.token.epoch())).isEmpty();
  }

  @Test
  void manyAtOnceAreLentAndEnded() throws Exception {
    try (ExecutorService tasks = Executors.newFixedThreadPool(8)) {
      Callable<Long> task = () -> timed(borrow()).get();
      for (Future<Long> done : tasks.invokeAll(java.util.Collections.nCopies(40, task))) {
        assertThat(done.get()).isNotNegative();
      }
    }
  }

  @Test
  void theScriptRefusesWhatItCannotUndo() {
    exchange.real.postgres.execute("postgres", "GRANT CONNECT ON DATABASE postgres TO PUBLIC");
    try {
      assertThatThrownBy(() -> exchange.real.postgres.execute(Real.DATABASE, Real.script()))
          .hasMessageContaining("REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC");
    } finally {
      exchange.real.postgres.execute("postgres", "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
    }
    exchange.real.postgres.execute(Real.DATABASE, Real.script());
  }

  private record Borrowed(EpochToken token, Lent lent) {
    Condemned condemned(Exchange exchange) {
      String target = exchange.real.target.name();
      Held held =
          new Held(
              CredentialId.random(),
              token.epoch(),
              Exchange.READ.name(),
              target,
              lent.lease(),
              lent.principal(),
              Held.Kind.POSTGRES_ROLE,
              Held.State.ACTIVE,
              Real.TIME.now(),
              lent.expiresAt(),
              Optional.empty());
      return new Condemned.WholeEpoch(
          token.epoch(), Optional.of(token.accessor()), List.of(held), Set.of(target));
    }

    EpochToken next(Exchange exchange) {
      return exchange.open(Exchange.READ);
    }
  }

  private Borrowed borrow() {
    EpochToken token = exchange.open(Exchange.READ);
    return new Borrowed(token, exchange.backend.issue(token, Exchange.READ));
  }

  private Future<Long> timed(Borrowed it) {
    long begun = System.nanoTime();
    return revoker
        .end(it.condemned(exchange), agent(it), _ -> Optional.of(it.lent.secret()))
        .orTimeout(60, TimeUnit.SECONDS)
        .thenApply(seen -> TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
  }

  /** Each is another's. */
  private static SpiffeId agent(Borrowed it) {
    return SpiffeId.parse("spiffe://example.org/agent/" + it.token().epoch().task());
  }

  /** Returns when the first session holds what it wants. */
  private void attack(Borrowed it, String sql) throws InterruptedException {
    AtomicBoolean holds = new AtomicBoolean();
    for (int i = 0; i < THREADS; i++) {
      agents.add(Thread.ofPlatform().start(() -> hold(it.lent, sql, holds)));
    }
    for (int i = 0; i < 1000 && !holds.get(); i++) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(holds).isTrue();
  }

  private void hold(Lent lent, String sql, AtomicBoolean holds) {
    while (!stop.get()) {
      try (Connection connection = exchange.connect(lent);
          Statement statement = connection.createStatement()) {
        statement.execute("SET idle_in_transaction_session_timeout = 0");
        while (!stop.get()) {
          connection.setAutoCommit(false);
          try {
            statement.execute(sql);
          } catch (SQLException e) {
            if (!"53200".equals(e.getSQLState())) { // that one is what it wanted
              throw e;
            }
            connection.rollback();
          }
          holds.set(true);
          while (!stop.get() && !sql.contains("advisory")) {
            TimeUnit.MILLISECONDS.sleep(20);
            if (!connection.isValid(5)) {
              throw new SQLException("ended");
            }
          }
        }
      } catch (SQLException | InterruptedException e) {
        Thread.onSpinWait(); // and again
      }
    }
  }

  private void rest() throws InterruptedException {
    stop.set(true);
    for (Thread agent : agents) {
      agent.join(Duration.ofSeconds(10));
    }
    agents.clear();
    stop.set(false);
  }

  private int survivors() {
    return Integer.parseInt(
        exchange.real.postgres.one(
            Real.DATABASE,
            "SELECT count(*) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"
                + " WHERE a.usesysid IS NOT NULL AND (r.oid IS NULL OR r.rolname LIKE 'x-%')"));
  }

  private void keepsNoSnapshot() {
    assertThat(
            exchange.real.postgres.one(
                Real.DATABASE,
                "SELECT (count(*) > 0) || ' ' || count(backend_xmin) FROM pg_stat_activity WHERE"
                    + " application_name = 'exeat-verifier' AND state = 'idle in transaction'"))
        .as("somebody waits in a transaction, and so many with a snapshot")
        .isEqualTo("true 0");
  }

  private static void print(String what, List<Long> millis) {
    millis.sort(null);
    System.out.printf(
        "hostile: %d runs, 0 survivors, %s: p50 %d ms, max %d ms%n",
        millis.size(), what, millis.get(millis.size() / 2), millis.getLast());
  }
}
