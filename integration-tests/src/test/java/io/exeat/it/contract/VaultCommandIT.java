package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.credential.Lent;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.TestCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What an operator types, where the database and the server of the keys have certificates of an
 * authority that Vault's system does not know.
 */
@SuppressWarnings("NullAway.Init")
final class VaultCommandIT {
  @TempDir private static Path folder;
  private static Real real;
  private static KeyServer keys;
  private static Path keysCa;
  private static Path strangersCa;

  @BeforeAll
  static void start() throws IOException {
    real = Real.withTls(Files.createDirectory(folder.resolve("database")));
    TestCertificate server = TestCertificate.create(Files.createDirectory(folder.resolve("keys")));
    keys = new KeyServer(server, real.identity::jwks);
    keysCa = server.certificate();
    strangersCa =
        TestCertificate.create(Files.createDirectory(folder.resolve("stranger"))).certificate();
    Files.writeString(folder.resolve("operator.token"), real.bao.rootToken());
    Files.writeString(folder.resolve("admin.password"), Real.ADMIN_PASSWORD);
    Files.writeString(folder.resolve("exeat.yaml"), config());
    Files.writeString(folder.resolve("catalogue.yaml"), catalogue());
    real.createDatabase();
    real.prepare(Packaged.run("vault", "sql", "--config", folder.resolve("exeat.yaml").toString()));
  }

  @AfterAll
  static void stop() {
    if (keys != null) {
      keys.close();
    }
    if (real != null) {
      real.close();
    }
  }

  @Test
  void whatItSetsUpLendsACredential() throws SQLException {
    assertThat(apply(keysCa, real.targetsCa.orElseThrow())).contains("written");
    assertThat(apply(keysCa, real.targetsCa.orElseThrow(), "--check")).contains(" 0 differ");
    try (Exchange exchange = Exchange.asItIs(real)) {
      Lent lent = exchange.backend.issue(exchange.open(Exchange.READ), Exchange.READ);
      try (Connection agent = exchange.connect(lent, "verify-full", real.targetsCa.orElseThrow())) {
        assertThat(agent.createStatement().executeQuery("SELECT item FROM shop.orders").next())
            .isTrue();
      }
    }
  }

  @Test
  void aDatabaseOfAnotherAuthorityIsRefused() {
    assertThatThrownBy(() -> apply(keysCa, strangersCa))
        .hasMessageContaining("database/config/orders-db")
        .hasMessageContaining("certificate");
  }

  @Test
  void aServerOfKeysOfAnotherAuthorityIsRefused() {
    assertThatThrownBy(() -> apply(strangersCa, real.targetsCa.orElseThrow()))
        .hasMessageContaining("auth/spiffe/config")
        .hasMessageContaining("error checking jwks URL");
  }

  private static String apply(Path keysCa, Path databaseCa, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "vault",
                "apply",
                "--config",
                folder.resolve("exeat.yaml").toString(),
                "--token-file",
                folder.resolve("operator.token").toString(),
                "--jwks-url",
                keys.address().toString(),
                "--jwks-ca",
                keysCa.toString(),
                "--admin",
                "orders-db=" + Real.ADMIN + ":" + folder.resolve("admin.password"),
                "--target-ca",
                "orders-db=" + databaseCa));
    words.addAll(List.of(more));
    return Packaged.run(words.toArray(String[]::new));
  }

  private static String config() {
    return """
    spiffe: {id: "%1$s"}
    attestation: {mode: broker-api, socket: %2$s/none.sock, agents: "%3$s"}
    vault: {address: "%4$s", ca: %5$s, audience: vault, mount: spiffe, role: exeat-broker}
    catalogue: {path: %2$s/catalogue.yaml}
    journal: {folder: %2$s/journal}
    audit: {folder: %2$s/audit}
    """
        .formatted(Real.BROKER, folder, Exchange.AGENT.id(), real.bao.address(), real.bao.ca());
  }

  private static String catalogue() {
    return """
    version: 1
    targets:
      orders-db:
        environment: test
        postgres: {host: 127.0.0.1, port: %d, database: %s, tls: true}
    grants:
      orders-read:
        target: orders-db
        actions: [read]
        data-class: internal
        delivery: raw
        lease: 60s
        postgres: {privileges: [{on: shop.orders, allow: [select]}]}
    intents:
      look:
        description: Look at orders
    agents:
      orders-agent:
        spiffe-id: %s
        owner: the operator
        escalation: whoever is on call
        grants: [orders-read]
        intents: [look]
        max-lifetime: 10m
    """
        .formatted(real.postgres.port(), Real.DATABASE, Exchange.AGENT.id());
  }
}
