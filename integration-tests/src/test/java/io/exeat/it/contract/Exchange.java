package io.exeat.it.contract;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.credential.vault.VaultSettings;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.revoke.postgres.PostgresVerifier;
import io.exeat.task.AgentEntry;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** A backend and a verifier on the real servers, set up for one agent and two grants. */
final class Exchange implements AutoCloseable {
  static final Grant READ = grant("orders-read", "SELECT");
  static final Grant WRITE = grant("orders-write", "INSERT");
  static final AgentEntry AGENT =
      Real.agent(
          "orders-agent",
          "spiffe://example.org/ns/shop/sa/orders/agent/orders",
          Set.of(READ.name(), WRITE.name()));

  final Real real;
  final Catalogue catalogue;
  final VaultBackend backend;
  final PostgresVerifier verifier;
  final List<Accessor> opened = new CopyOnWriteArrayList<>();
  final List<Accessor> ended = new CopyOnWriteArrayList<>();

  private Exchange(Real real, VaultSettings settings) {
    this.real = real;
    this.catalogue = catalogue(real);
    this.backend =
        new VaultBackend(
            settings,
            Real.BROKER.toString(),
            real.identity,
            real.bao::trust,
            new SessionLog() {
              @Override
              public void opened(Accessor session) {
                opened.add(session);
              }

              @Override
              public void ended(Accessor session) {
                ended.add(session);
              }
            },
            Real.TIME);
    this.verifier =
        new PostgresVerifier(
            real.target, real.targetsCa, backend, Duration.ofSeconds(5), Real.TIME);
  }

  static Exchange begin() {
    return with(Real.get());
  }

  static Exchange with(Real real) {
    setUp(real, real.settings());
    return new Exchange(real, real.settings());
  }

  /** With what somebody else has written into Vault. */
  static Exchange asItIs(Real real) {
    return new Exchange(real, real.settings());
  }

  private static void setUp(Real real, VaultSettings settings) {
    Catalogue catalogue = catalogue(real);
    real.prepare(catalogue);
    try (VaultSetup operator = real.operator(settings)) {
      var _ = operator.apply(catalogue);
    }
  }

  private static Catalogue catalogue(Real real) {
    return real.catalogue(AGENT, READ, WRITE);
  }

  /**
   * At a role of its own in Vault, whose sessions live for {@code life} in all.
   *
   * @param ttl after each renewal
   */
  static Exchange withSessionsOf(Duration ttl, Duration life) {
    Real real = Real.get();
    String role = "exeat-aging";
    VaultSettings settings = real.settings(role, ttl);
    setUp(real, settings);
    Map<String, Object> fields = new HashMap<>();
    String path = "auth/spiffe/role/" + role;
    real.bao
        .call("GET", path, Map.of())
        .data()
        .properties()
        .forEach(field -> {
          if (!field.getValue().isNull()) {
            fields.put(field.getKey(), field.getValue());
          }
        });
    fields.put("token_max_ttl", life.toSeconds() + "s");
    fields.put("token_explicit_max_ttl", life.toSeconds() + "s");
    if (real.bao.call("POST", path, fields).status() >= 300) {
      throw new IllegalStateException("OpenBao did not take " + fields);
    }
    return new Exchange(real, settings);
  }

  EpochToken open(Grant... grants) {
    return backend.openEpoch(
        new Epoch(TaskId.random(), 1), List.of(), AGENT, List.of(grants), Duration.ofMinutes(5));
  }

  static String password(Lent lent) {
    return lent.secret().read(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  Connection connect(Lent lent) throws SQLException {
    return real.postgres.connect(Real.DATABASE, lent.principal(), password(lent));
  }

  /**
   * @param mode the driver's {@code sslmode}
   */
  Connection connect(Lent lent, String mode, Path ca) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/%s?sslmode=%s&sslrootcert=%s"
            .formatted(real.postgres.port(), Real.DATABASE, mode, ca),
        lent.principal(),
        password(lent));
  }

  /** Roles of the epoch at the database, asked as superuser. */
  List<String> roles(Epoch epoch) {
    return real.postgres.query(
        Real.DATABASE,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'x-" + epoch.label() + "-%'");
  }

  @Override
  public void close() {
    verifier.close();
    backend.close();
  }

  private static Grant grant(String name, String right) {
    return new Grant(
        name,
        "orders-db",
        Set.of("read"),
        "internal",
        Set.of(),
        Grant.Delivery.RAW,
        Duration.ofSeconds(60),
        Budget.OF_A_GRANT,
        new Grant.Kind.Postgres(List.of(new Grant.Privilege(Set.of(right), "shop", "orders"))));
  }
}
