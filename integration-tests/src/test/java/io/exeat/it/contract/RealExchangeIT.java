package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.credential.vault.Change;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.it.environment.OpenBao;
import io.exeat.task.AgentEntry;
import io.exeat.task.Budget;
import io.exeat.task.Grant;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What only the real servers can show; asserted in OpenBao and in PostgreSQL themselves. */
final class RealExchangeIT {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final Exchange exchange = Exchange.begin();
  private final OpenBao bao = exchange.real.bao;

  @AfterEach
  void closeIt() {
    exchange.close();
  }

  @Test
  void aBorrowedRoleReadsWhatIsGrantedAndCanOwnNothing() throws SQLException {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    try (Connection agent = exchange.connect(lent);
        Statement statement = agent.createStatement()) {
      assertThat(statement.executeQuery("SELECT item FROM shop.orders").next()).isTrue();
      for (String refused :
          List.of(
              "INSERT INTO shop.orders (item) VALUES ('x')",
              "CREATE TEMP TABLE t (i int)",
              "CREATE TABLE shop.t (i int)",
              "CREATE TABLE public.t (i int)",
              "CREATE SCHEMA s",
              "SET ROLE vaultadmin",
              "SET SESSION AUTHORIZATION vaultadmin",
              "SELECT exeat.end_role('" + lent.principal() + "')",
              "SELECT * FROM exeat.look('" + token.epoch().label() + "', NULL, '1 s')")) {
        assertThatThrownBy(() -> statement.execute(refused))
            .as(refused)
            .isInstanceOf(SQLException.class);
      }
    }
    exchange.backend.endLease(lent.lease());
    assertThat(exchange.roles(token.epoch())).isEmpty();
  }

  @Test
  void vaultsAuditNamesTheAgentAndTheTask() throws IOException {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    exchange.backend.endLease(lent.lease());
    String audit = Files.readString(bao.audit());
    assertThat(audit).contains(token.epoch().task().value());
    String secret = token.token().read(b -> new String(b, StandardCharsets.UTF_8));
    assertThat(audit).doesNotContain(Exchange.password(lent)).doesNotContain(secret);
  }

  @Test
  void aSessionThatAPersonRevokesTakesItsEpochsAlongAndIsReplaced() {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    Set<Epoch> lost = new CopyOnWriteArraySet<>();
    try (var _ = exchange.backend.onLost(lost::addAll)) {
      var _ =
          bao.call(
              "POST",
              "auth/token/revoke-accessor",
              Map.of("accessor", exchange.opened.getFirst().value()));
      // The heartbeat would see it within 40 s; a call that fails makes it look now.
      assertThatThrownBy(() -> exchange.open(Exchange.READ)).isInstanceOf(FaultException.class);
      await().atMost(SOON).until(() -> lost.equals(Set.of(token.epoch())));
    }
    await().atMost(SOON).until(() -> exchange.backend.leaseGone(lent.lease()));
    await().atMost(SOON).until(() -> exchange.roles(token.epoch()).isEmpty());
    assertThat(exchange.ended).containsExactly(exchange.opened.getFirst());
    assertThat(exchange.backend.issue(exchange.open(Exchange.READ), Exchange.READ)).isNotNull();
  }

  @Test
  void aSealedVaultIsSaidToBeAwayAndIsUsedAgainSoon() {
    EpochToken token = exchange.open(Exchange.READ);
    bao.seal();
    try {
      assertThatThrownBy(() -> exchange.backend.issue(token, Exchange.READ))
          .satisfies(thrown -> assertThat(thrown.toString()).contains("sealed"));
      await().atMost(SOON).until(() -> !exchange.backend.health().available());
      long before = System.nanoTime();
      assertThatThrownBy(() -> exchange.open(Exchange.READ)).isInstanceOf(FaultException.class);
      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofMillis(200));
    } finally {
      bao.unseal();
    }
    await().atMost(SOON).until(() -> exchange.backend.health().available());
    assertThat(exchange.backend.issue(token, Exchange.READ)).isNotNull();
    assertThat(exchange.opened).hasSize(1);
  }

  @Test
  void aKilledVaultForgetsNeitherTheSessionNorItsEpochs() {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    bao.kill();
    try {
      assertThat(dependency(() -> exchange.backend.endLease(lent.lease())))
          .isEqualTo(Fault.Dependency.VAULT);
      await().atMost(SOON).until(() -> !exchange.backend.health().available());
    } finally {
      bao.restart();
    }
    await().atMost(SOON).until(() -> exchange.backend.health().available());
    exchange.backend.endLease(lent.lease());
    assertThat(exchange.roles(token.epoch())).isEmpty();
    assertThat(exchange.opened).hasSize(1);
  }

  @Test
  void whatALostAnswerMadeIsFoundByTheEpochAndDiesWithItsToken() {
    EpochToken token = exchange.open(Exchange.READ);
    bao.freeze();
    try {
      assertThatThrownBy(() -> exchange.backend.issue(token, Exchange.READ))
          .isInstanceOf(AnswerLost.class);
    } finally {
      bao.thaw();
    }
    await().atMost(SOON).until(() -> exchange.backend.health().available());
    exchange.verifier.shut(
        new io.exeat.revoke.TargetVerifier.Mark(token.epoch(), java.util.Optional.empty()));
    exchange.backend.endToken(token.accessor());
    await().atMost(SOON).until(() -> exchange.roles(token.epoch()).isEmpty());
  }

  @Test
  void aDisabledAgentGetsNothingAndItsTokensCanStillBeEnded() {
    EpochToken token = exchange.open(Exchange.READ);
    Lent lent = exchange.backend.issue(token, Exchange.READ);
    var _ = bao.call("POST", "identity/entity/name/orders-agent", Map.of("disabled", true));
    try {
      assertThatThrownBy(() -> exchange.open(Exchange.READ)).hasMessageContaining("disabled");
      assertThatThrownBy(() -> exchange.backend.issue(token, Exchange.READ))
          .isInstanceOf(FaultException.class);
      exchange.backend.endToken(token.accessor());
      exchange.backend.endLease(lent.lease());
      assertThat(exchange.roles(token.epoch())).isEmpty();
      try (VaultSetup operator = exchange.real.operator()) {
        assertThat(operator.apply(exchange.catalogue))
            .contains(
                new Change(
                    "identity/entity/name/orders-agent", Change.Kind.LEFT, List.of("is disabled")));
      }
      assertThatThrownBy(() -> exchange.open(Exchange.READ)).hasMessageContaining("disabled");
    } finally {
      var _ = bao.call("POST", "identity/entity/name/orders-agent", Map.of("disabled", false));
    }
  }

  @Test
  void theAgentsOwnSvidOpensNothing() {
    String jwt = exchange.real.identity.jwtOf(Exchange.AGENT.id(), "vault");
    OpenBao.Reply reply =
        bao.call("POST", "auth/spiffe/login", Map.of("role", "exeat-broker", "jwt", jwt), "");
    assertThat(reply.status()).isEqualTo(400);
    String wrongAudience = exchange.real.identity.jwtOf(Real.BROKER, "another");
    assertThat(
            bao.call(
                    "POST",
                    "auth/spiffe/login",
                    Map.of("role", "exeat-broker", "jwt", wrongAudience),
                    "")
                .status())
        .isEqualTo(400);
  }

  @Test
  void theBrokersTokenCanDoNothingElse() {
    String jwt = exchange.real.identity.jwt("vault", Duration.ofSeconds(1));
    OpenBao.Reply login =
        bao.call("POST", "auth/spiffe/login", Map.of("role", "exeat-broker", "jwt", jwt), "");
    String token = login.auth().path("client_token").asText();
    assertThat(login.auth().path("policies")).hasSize(1);
    Map<String, Object> create =
        Map.of(
            "entity_alias", Exchange.AGENT.id().toString(),
            "policies", List.of("task-self"),
            "meta", Map.of(),
            "ttl", "1m",
            "display_name", "d");
    assertThat(bao.call("POST", "auth/token/create/orders-agent", create, token).status())
        .isEqualTo(200);
    for (var change :
        List.of(
            Map.<String, Object>of("entity_alias", "spiffe://example.org/another"),
            Map.<String, Object>of("policies", List.of("root")),
            Map.<String, Object>of("policies", List.of("exeat-broker")),
            Map.<String, Object>of("no_parent", true),
            Map.<String, Object>of("explicit_max_ttl", "100h"),
            Map.<String, Object>of("period", "1h"))) {
      Map<String, Object> changed = new java.util.HashMap<>(create);
      changed.putAll(change);
      assertThat(bao.call("POST", "auth/token/create/orders-agent", changed, token).status())
          .as(change.toString())
          .isIn(400, 403);
    }
    for (String path :
        List.of(
            "database/creds/orders-read",
            "sys/policies/acl/root",
            "sys/auth",
            "identity/entity/id?list=true",
            "auth/token/accessors?list=true",
            "sys/leases/lookup/database/creds/?list=true")) {
      assertThat(bao.call("GET", path, Map.of(), token).status()).as(path).isEqualTo(403);
    }
    String entity = "identity/entity/name/orders-agent";
    for (Map<String, Object> change :
        List.<Map<String, Object>>of(
            Map.of("policies", List.of("root")),
            Map.of("disabled", false, "policies", List.of("root")),
            Map.of("disabled", false, "metadata", Map.of("a", "b")),
            Map.of())) {
      assertThat(bao.call("POST", entity, change, token).status())
          .as(change.toString())
          .isIn(400, 403);
    }
    assertThat(bao.call("GET", entity, Map.of(), token).status()).isEqualTo(403);
    assertThat(bao.call("DELETE", entity, Map.of(), token).status()).isEqualTo(403);
    assertThat(
            bao.call("POST", "identity/entity/name/exeat-broker", Map.of("disabled", true), token)
                .status())
        .isEqualTo(403);
    for (String path : List.of("auth/token/create", "auth/token/create-orphan", "sys/seal")) {
      assertThat(bao.call("POST", path, Map.of("ttl", "1m"), token).status())
          .as(path)
          .isEqualTo(403);
    }
  }

  @Test
  void hostileNamesReachNoPath() {
    for (String name :
        List.of("..", "../sys", "a/b", "*", "+", "", "A", "a\u0000", "ａ", "a".repeat(64))) {
      AgentEntry agent = Real.agent(name, "spiffe://example.org/agent/x", Set.of());
      assertThatThrownBy(() ->
              exchange.backend.openEpoch(
                  new Epoch(TaskId.random(), 1),
                  List.of(),
                  agent,
                  List.of(),
                  Duration.ofMinutes(1)))
          .as(name)
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("Malformed");
    }
    EpochToken token = exchange.open(Exchange.READ);
    Grant hostile =
        new Grant(
            "orders-read/../../sys/mounts",
            "orders-db",
            Set.of(),
            "internal",
            Set.of(),
            Grant.Delivery.RAW,
            Duration.ofSeconds(60),
            Budget.OF_A_GRANT,
            Exchange.READ.kind());
    assertThatThrownBy(() -> exchange.backend.issue(token, hostile))
        .hasMessageContaining("Malformed");
  }

  @Test
  void settingUpTwiceChangesNothingAndCheckingWritesNothing() {
    try (VaultSetup operator = exchange.real.operator()) {
      assertThat(operator.apply(exchange.catalogue))
          .allMatch(
              change -> change.kind() == Change.Kind.SAME || change.kind() == Change.Kind.REWRITE);
      var _ = bao.call("POST", "auth/token/roles/orders-agent", Map.of("renewable", true));
      Change found =
          new Change("auth/token/roles/orders-agent", Change.Kind.UPDATE, List.of("renewable"));
      assertThat(operator.check(exchange.catalogue)).contains(found);
      assertThat(operator.apply(exchange.catalogue)).contains(found);
      assertThat(operator.check(exchange.catalogue)).doesNotContain(found);
    }
  }

  @Test
  void aRotatedIdentityBreaksNoCall() {
    EpochToken token = exchange.open(Exchange.READ);
    for (int i = 0; i < 20; i++) {
      exchange.real.identity.rotate();
      exchange.backend.endLease(exchange.backend.issue(token, Exchange.READ).lease());
    }
  }

  private static Fault.Dependency dependency(Runnable call) {
    try {
      call.run();
    } catch (FaultException e) {
      return ((Fault.Unavailable) e.fault()).dependency();
    }
    throw new AssertionError("no fault");
  }
}
