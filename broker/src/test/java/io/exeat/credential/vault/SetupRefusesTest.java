package io.exeat.credential.vault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.FaultException;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must never reach a path or a statement, and an address that would give the token away. */
final class SetupRefusesTest {
  private static final Target.Postgres TARGET =
      new Target.Postgres("orders-db", "test", "db.example.org", 5432, "orders", true);

  @ParameterizedTest
  @ValueSource(
      strings = {"a;b", "a\"b", "a'b", "{{name}}", "", "a b", "1a", "a\u0000", "ａ", "a.b", "a\nb"})
  void anIdentifierThatIsNotPlain(String hostile) {
    assertThatThrownBy(() -> sql(new Grant.Privilege(Set.of("SELECT"), hostile, "orders")))
        .isInstanceOf(FaultException.class);
    assertThatThrownBy(() -> sql(new Grant.Privilege(Set.of("SELECT"), "shop", hostile)))
        .isInstanceOf(FaultException.class);
    assertThatThrownBy(() -> DatabaseSql.adminGrants(catalogue("SELECT"), "orders-db", hostile))
        .isInstanceOf(FaultException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ALL", "select", "TRUNCATE", "SELECT ON x TO y; --", ""})
  void aRightThatIsNotOfTheFour(String right) {
    assertThatThrownBy(() -> sql(new Grant.Privilege(Set.of(right), "shop", "orders")))
        .isInstanceOf(FaultException.class);
  }

  @Test
  void everyPrivilegeIsGrantedToTheRoleItself() {
    List<String> sql = sql(new Grant.Privilege(Set.of("SELECT", "INSERT"), "shop", "orders"));
    assertThat(sql)
        .contains(
            "GRANT USAGE ON SCHEMA \"shop\" TO \"{{name}}\"",
            "GRANT INSERT, SELECT ON TABLE \"shop\".\"orders\" TO \"{{name}}\"");
    assertThat(sql)
        .noneMatch(statement -> statement.contains("IN ROLE") || statement.contains(";"));
  }

  @Test
  void vaultsRoleGetsWhatItPassesOnAndNoMore() {
    assertThat(DatabaseSql.adminGrants(catalogue("SELECT"), "orders-db", "vaultadmin"))
        .containsExactly(
            "GRANT USAGE ON SCHEMA \"shop\" TO \"vaultadmin\" WITH GRANT OPTION;",
            "GRANT SELECT ON TABLE \"shop\".\"orders\" TO \"vaultadmin\" WITH GRANT OPTION;");
    assertThat(DatabaseSql.adminGrants(catalogue("SELECT"), "another", "vaultadmin")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://vault:8200",
        "ftp://vault",
        "https://u:p@vault:8200",
        "https://vault:8200/v1",
        "https://vault:8200/?x=1",
        "https:/vault",
        "vault:8200"
      })
  void anAddressThatIsNotPlainHttps(String address) {
    assertThatThrownBy(() -> settings(address, false)).hasMessageContaining("vault.address");
  }

  @Test
  void plaintextIsAWordInTheConfiguration() {
    assertThat(settings("http://127.0.0.1:8200", true).developmentPlaintext()).isTrue();
    assertThat(settings("https://vault:8200", false).address().getPort()).isEqualTo(8200);
  }

  private static List<String> sql(Grant.Privilege privilege) {
    return DatabaseSql.create(new Grant.Kind.Postgres(List.of(privilege)), TARGET);
  }

  private static Catalogue catalogue(String right) {
    Grant grant =
        new Grant(
            "orders-read",
            "orders-db",
            Set.of("read"),
            "internal",
            Set.of(),
            Grant.Delivery.RAW,
            Duration.ofSeconds(60),
            Budget.OF_A_GRANT,
            new Grant.Kind.Postgres(List.of(new Grant.Privilege(Set.of(right), "shop", "orders"))));
    return new Catalogue(
        Map.of(TARGET.name(), TARGET), Map.of(grant.name(), grant), Map.of(), Map.of(), Map.of());
  }

  private static VaultSettings settings(String address, boolean plaintext) {
    return new VaultSettings(
        URI.create(address),
        Optional.empty(),
        "spiffe",
        "exeat-broker",
        "vault",
        Duration.ofSeconds(5),
        Duration.ofHours(1),
        Duration.ofMinutes(2),
        plaintext);
  }
}
