package io.exeat.it.contract;

import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import io.exeat.credential.vault.DatabaseSql;
import io.exeat.credential.vault.SetupSettings;
import io.exeat.credential.vault.VaultSettings;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.it.Needs;
import io.exeat.it.environment.Binaries;
import io.exeat.it.environment.Docker;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Postgres;
import io.exeat.it.environment.TestCertificate;
import io.exeat.task.AgentEntry;
import io.exeat.task.Binding;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import io.exeat.task.Tier;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A real OpenBao set up for a real database of orders, started once for all tests of this package.
 */
final class Real {
  static final Time TIME = new Time(Clock.systemUTC(), System::nanoTime);
  static final SpiffeId BROKER =
      SpiffeId.parse("spiffe://example.org/ns/shop/sa/orders/broker/orders");
  static final String DATABASE = "orders";
  static final String ADMIN = "vaultadmin";
  static final String ADMIN_PASSWORD = "vaultadmin-of-the-test";
  private static final Object LOCK = new Object();
  private static Optional<Real> started = Optional.empty();
  private static Optional<Real> contained = Optional.empty();

  final OpenBao bao;
  final Postgres postgres;
  final TestIdentity identity = new TestIdentity(BROKER);
  final Target.Postgres target;

  /** Who vouches for the database; empty when it is without TLS. */
  final Optional<Path> targetsCa;

  private Real(OpenBao bao, Postgres postgres, Optional<Path> targetsCa) {
    this.bao = bao;
    this.postgres = postgres;
    this.targetsCa = targetsCa;
    this.target =
        new Target.Postgres(
            "orders-db", "test", "127.0.0.1", postgres.port(), DATABASE, targetsCa.isPresent());
  }

  /** Skips the test where a part is missing. */
  static Real get() {
    synchronized (LOCK) {
      Path baoBinary = Needs.part("openbao", Binaries.openBao());
      Path postgresBinaries = Needs.part("postgres", Binaries.postgres());
      if (started.isEmpty()) {
        Postgres postgres = Postgres.start(postgresBinaries);
        OpenBao bao = OpenBao.start(baoBinary);
        Runtime.getRuntime()
            .addShutdownHook(
                new Thread(() -> {
                  bao.close();
                  postgres.close();
                }));
        started = Optional.of(new Real(bao, postgres, Optional.empty()));
      }
      return started.get();
    }
  }

  /** Servers of the caller's own, of which the database demands TLS. */
  static Real withTls(Path folder) {
    Path baoBinary = Needs.part("openbao", Binaries.openBao());
    Path postgresBinaries = Needs.part("postgres", Binaries.postgres());
    TestCertificate certificate = TestCertificate.create(folder);
    Postgres postgres = Postgres.start(postgresBinaries, certificate);
    return new Real(OpenBao.start(baoBinary), postgres, Optional.of(certificate.certificate()));
  }

  /** For servers that are not shared. */
  void close() {
    bao.close();
    postgres.close();
  }

  /** The same with OpenBao in a container, whenever an engine answers, until it is removed. */
  static Real withContainer() {
    var _ = Needs.part("docker", Docker.engine());
    Real real = get();
    synchronized (LOCK) {
      if (contained.isEmpty()) {
        OpenBao bao = OpenBao.startInContainer(Binaries.openBao().orElseThrow());
        contained = Optional.of(new Real(bao, real.postgres, Optional.empty()));
      }
      return contained.get();
    }
  }

  /** Before Testcontainers does it as the process ends, which is too late for both. */
  static void removeContainer() {
    synchronized (LOCK) {
      contained.ifPresent(it -> it.bao.close());
      contained = Optional.empty();
    }
  }

  VaultSettings settings() {
    return settings("exeat-broker", Duration.ofMinutes(2));
  }

  VaultSettings settings(String role, Duration sessionTtl) {
    return new VaultSettings(
        bao.address(),
        Optional.empty(),
        "spiffe",
        role,
        "vault",
        Duration.ofSeconds(5),
        Duration.ofHours(1),
        sessionTtl,
        false);
  }

  private SetupSettings setup(Optional<Path> ca) {
    return new SetupSettings(
        BROKER,
        new SetupSettings.JwtKeys.Pem(List.of(identity.publicKeyPem())),
        true,
        Duration.ofHours(8),
        Map.of(
            target.name(),
            new SetupSettings.Admin(
                ADMIN, SecretBytes.adopt(ADMIN_PASSWORD.getBytes(StandardCharsets.UTF_8)), ca)));
  }

  VaultSetup operator() {
    return operator(settings());
  }

  VaultSetup operator(VaultSettings settings) {
    return operator(settings, targetsCa);
  }

  /**
   * @param ca who is to vouch for the database
   */
  VaultSetup operator(VaultSettings settings, Optional<Path> ca) {
    return new VaultSetup(
        settings,
        setup(ca),
        bao::trust,
        SecretBytes.adopt(bao.rootToken().getBytes(StandardCharsets.UTF_8)));
  }

  Catalogue catalogue(AgentEntry agent, Grant... grants) {
    Map<String, Grant> byName = new java.util.HashMap<>();
    for (Grant grant : grants) {
      byName.put(grant.name(), grant);
    }
    Map<String, Target> targets = new java.util.HashMap<>(Map.of(target.name(), target));
    for (Grant grant : grants) {
      if (grant.kind() instanceof Grant.Kind.Certificate it) {
        targets.put(it.at().name(), it.at());
      }
      if (grant.kind() instanceof Grant.Kind.ServiceAccount it) {
        targets.put(it.at().name(), it.at());
      }
      if (grant.kind() instanceof Grant.Kind.SshCertificate it) {
        targets.put(it.at().name(), it.at());
      }
    }
    return new Catalogue(targets, byName, Map.of(), Map.of(agent.name(), agent), Map.of());
  }

  /** The database as an administrator would have it prepared; does nothing the second time. */
  void prepare(Catalogue catalogue) {
    if (!postgres
        .query("postgres", "SELECT 1 FROM pg_database WHERE datname = '" + DATABASE + "'")
        .isEmpty()) {
      return;
    }
    createDatabase();
    for (int i = 0; i < 2; i++) {
      prepare(script());
    }
    DatabaseSql.adminGrants(catalogue, target.name(), ADMIN)
        .forEach(sql -> postgres.execute(DATABASE, sql));
  }

  /** The database as it is before anybody thinks of Exeat. */
  void createDatabase() {
    postgres.execute("postgres", "CREATE DATABASE " + DATABASE);
    postgres.execute(
        DATABASE,
        """
        CREATE SCHEMA shop;
        CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY, item text);
        INSERT INTO shop.orders (item) VALUES ('leave');
        """);
  }

  /** What its superuser runs, and the password of Vault's role. */
  void prepare(String script) {
    postgres.execute(DATABASE, "SET exeat.revoke_public_connect = on;" + script);
    postgres.execute(DATABASE, "ALTER ROLE " + ADMIN + " PASSWORD '" + ADMIN_PASSWORD + "'");
  }

  /** As Vault's own role. */
  Connection admin() throws SQLException {
    return postgres.connect(DATABASE, ADMIN, ADMIN_PASSWORD);
  }

  /** {@code prepare.sql}. */
  static String script() {
    return read(
        Path.of(System.getProperty("exeat.root", "..")).resolve("deploy/postgres/prepare.sql"));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static AgentEntry agent(String name, String id, Set<String> grants) {
    return new AgentEntry(
        name,
        SpiffeId.parse(id),
        "team",
        Set.of(),
        "on-call",
        grants,
        Set.of(),
        Duration.ofHours(1),
        Budget.OF_AN_AGENT,
        Set.<Binding>of(),
        Tier.STANDARD);
  }
}
