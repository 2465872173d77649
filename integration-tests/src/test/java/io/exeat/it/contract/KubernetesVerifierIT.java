package io.exeat.it.contract;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.LendingCluster;
import io.exeat.revoke.TargetVerifier.Known;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.TargetVerifier.Sighting;
import io.exeat.revoke.kubernetes.KubernetesVerifier;
import io.exeat.task.AgentEntry;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Service accounts of a real cluster, lent by the Kubernetes engine of a real OpenBao: what is
 * asked about them is asked of the API server, with the very token that was lent.
 */
@SuppressWarnings("NullAway.Init")
final class KubernetesVerifierIT {
  private static final Duration LIFE = Duration.ofMinutes(5);
  private static final String PODS = "/api/v1/namespaces/shop/pods";
  private static final String SERVICES = "/api/v1/namespaces/shop/services";
  private static final String BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static LendingCluster lending;
  private static Kubernetes cluster;
  private static Real real;
  private static Catalogue catalogue;
  private static AgentEntry agent;
  private static Grant look;
  private static Grant view;
  private static VaultBackend backend;
  private static KubernetesVerifier verifier;

  @BeforeAll
  static void start() throws Exception {
    real = Real.get();
    lending = LendingCluster.start(real.bao, folder);
    cluster = lending.api();
    Target.Kubernetes target =
        new Target.Kubernetes(
            "shop-cluster",
            "test",
            "127.0.0.1",
            cluster.port(),
            cluster.authorities(),
            "kubernetes",
            "exeat");
    look = grant("pods-look", target, "pods");
    view = grant("services-look", target, "services");
    agent =
        Real.agent(
            "cluster-agent",
            "spiffe://example.org/ns/shop/sa/orders/agent/cluster",
            Set.of(look.name(), view.name()));
    catalogue = real.catalogue(agent, look, view);
    real.prepare(catalogue);
    try (VaultSetup operator = real.operator()) {
      var _ = operator.apply(catalogue);
    }
    backend =
        new VaultBackend(
            real.settings(),
            Real.BROKER.toString(),
            real.identity,
            real.bao::trust,
            new Nowhere(),
            Real.TIME);
    verifier =
        new KubernetesVerifier(
            target, backend, () -> catalogue.grants(), Duration.ofSeconds(10), Real.TIME);
  }

  @AfterAll
  static void stop() {
    if (verifier != null) {
      verifier.close();
      backend.close();
    }
    if (lending != null) {
      lending.close();
    }
  }

  @Test
  void whatIsSetUpIsSetUpOnceAndTheBrokerMayWhatItMust() {
    try (VaultSetup operator = real.operator()) {
      assertThat(operator.check(catalogue))
          .filteredOn(change -> change.what().startsWith("kubernetes/"))
          .isNotEmpty()
          .allMatch(change -> change.kind() == io.exeat.credential.vault.Change.Kind.SAME);
    }
    assertThat(backend.rights().ofBroker(catalogue)).isEmpty();
  }

  @Test
  void anAccountMayWhatItsGrantSaysAndIsDeadWithItsEpoch() {
    EpochToken token = open();
    Lent lent = backend.issue(token, look);
    Lent other = backend.issue(open(), look);
    assertThat(lent.principal())
        .startsWith("system:serviceaccount:shop:x-" + token.epoch().label() + "-");
    assertThat(lent.expiresAt())
        .isBetween(Instant.now().plusSeconds(540), Instant.now().plusSeconds(601));
    await().atMost(Duration.ofSeconds(30)).until(() -> status(lent, PODS) == 200);
    assertThat(status(lent, "/api/v1/namespaces/shop/secrets")).isEqualTo(403);
    assertThat(status(lent, "/api/v1/namespaces/exeat/pods")).isEqualTo(403);
    Mark all = mark(token, Optional.empty(), lent);

    verifier.shut(all);
    await().atMost(Duration.ofSeconds(5)).until(() -> status(lent, PODS) == 403);
    backend.endToken(token.accessor());
    backend.endLease(lent.lease());
    Sighting seen = verifier.look(all);

    assertThat(seen.dead()).as("%s", seen.alive()).isTrue();
    assertThat(seen.checks())
        .anyMatch(check -> check.startsWith("rolebindings at shop-cluster: 0 named x-"))
        .anyMatch(check -> check.startsWith("serviceaccounts at shop-cluster: 0 named x-"))
        .anyMatch(check -> check.contains(lent.principal() + " may not"));
    assertThat(lending.accounts()).noneMatch(name -> name.contains(token.epoch().label()));
    assertThat(status(other, PODS)).isEqualTo(200);
    assertThat(backend.leaseGone(lent.lease())).isTrue();
  }

  @Test
  void oneOfTwoIsEnded() {
    EpochToken token = open();
    Lent ended = backend.issue(token, look);
    Lent stays = backend.issue(token, view);
    await().atMost(Duration.ofSeconds(30)).until(() -> status(stays, SERVICES) == 200);
    Mark one = mark(token, Optional.of(ended.principal()), ended);
    verifier.shut(one);
    backend.endLease(ended.lease());
    assertThat(verifier.look(one).dead()).isTrue();
    await().atMost(Duration.ofSeconds(5)).until(() -> status(ended, PODS) != 200);
    assertThat(status(stays, SERVICES)).isEqualTo(200);
    Mark rest = mark(token, Optional.empty(), stays);
    verifier.shut(rest);
    assertThat(status(stays, SERVICES)).isEqualTo(403);
    assertThat(verifier.look(rest).dead()).isTrue();
    backend.endToken(token.accessor());
  }

  /** It has no lease then: nobody but who looks would end it before Vault does, minutes later. */
  @Test
  void anAccountThatVaultLeftBehindIsFoundByItsEpoch() {
    EpochToken token = open();
    var said =
        real.bao.call(
            "POST",
            "kubernetes/creds/" + look.name(),
            Map.of("kubernetes_namespace", "shop", "ttl", "60s"),
            token.token().read(bytes -> new String(bytes, UTF_8)));
    assertThat(said.body().toString()).contains("10 minutes");
    assertThat(lending.accounts()).anyMatch(name -> name.contains(token.epoch().label()));
    backend.endToken(token.accessor());
    Mark all = mark(token, Optional.empty());
    verifier.shut(all);
    Sighting seen = verifier.look(all);
    assertThat(seen.dead()).isTrue();
    assertThat(seen.checks()).anyMatch(check -> check.endsWith(", 1 ended"));
    assertThat(lending.accounts()).noneMatch(name -> name.contains(token.epoch().label()));
  }

  @Test
  void whileSomethingIsThereItIsAliveAndSaid() {
    EpochToken token = open();
    Lent lent = backend.issue(token, look);
    await().atMost(Duration.ofSeconds(30)).until(() -> status(lent, PODS) == 200);
    String name = lent.principal().substring(lent.principal().lastIndexOf(':') + 1);
    String path = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/" + name;
    String held = "{\"metadata\":{\"finalizers\":[\"example.org/held\"]}}";
    var _ = lending.done(cluster.patch(path, "application/merge-patch+json", held));
    Mark all = mark(token, Optional.empty(), lent);

    verifier.shut(all);
    Sighting seen = verifier.look(all);

    assertThat(seen.dead()).isFalse();
    assertThat(seen.alive())
        .anyMatch(it -> it.equals("rolebindings shop/" + name + " is there"))
        .anyMatch(it -> it.equals(lent.principal() + " may still do what it was lent for"));
    var _ =
        lending.done(
            cluster.patch(
                path, "application/merge-patch+json", "{\"metadata\":{\"finalizers\":null}}"));
    backend.endToken(token.accessor());
    await().atMost(Duration.ofSeconds(30)).until(() -> verifier.look(all).dead());
  }

  @Test
  void neitherVaultNorTheVerifierTouchesWhatIsNotLent() {
    String own = cluster.tokenOf("exeat", "vault");
    var _ =
        lending.done(cluster.create("/api/v1/namespaces/shop/serviceaccounts", named("cashier")));
    assertThat(
            cluster.as(own, "DELETE", "/api/v1/namespaces/shop/serviceaccounts/cashier").message())
        .contains("touches only what is lent");
    assertThat(
            cluster
                .as(
                    own,
                    "POST",
                    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                    """
                    {"metadata": {"name": "mine", "labels": {"exeat.io/verifier": "shop-cluster"}},
                     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                     "subjects": [{"kind": "ServiceAccount", "name": "vault", "namespace": "exeat"}]}
                    """)
                .message())
        .contains("the role of its own name");
    assertThat(
            cluster
                .as(
                    own,
                    "POST",
                    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
                    """
                    {"metadata": {"name": "mine", "labels": {"exeat.io/verifier": "shop-cluster"}},
                     "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
                    """)
                .message())
        .contains("the verifier's role is to");
    assertThat(
            cluster
                .as(
                    own,
                    "POST",
                    "/api/v1/namespaces/shop/serviceaccounts/cashier/token",
                    "{\"spec\": {}}")
                .message())
        .contains("makes tokens only of accounts that it lends");
    Lent verifiers = backend.verifier(((Grant.Kind.ServiceAccount) look.kind()).at());
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() ->
            assertThat(
                    cluster
                        .as(
                            verifiers.secret().read(bytes -> new String(bytes, UTF_8)),
                            "DELETE",
                            "/api/v1/namespaces/shop/serviceaccounts/cashier")
                        .message())
                .contains("ends only what was lent"));
    backend.giveBack(verifiers.lease());
    assertThat(cluster.get("/api/v1/namespaces/shop/serviceaccounts/cashier").done()).isTrue();
  }

  @Test
  void whoMayNotLookSaysSoAndTakesNoFurtherAccounts() {
    Mark nobody = new Mark(new Epoch(TaskId.random(), 1), Optional.empty());
    Set<String> others = bindings();
    try (KubernetesVerifier barred =
        new KubernetesVerifier(
            ((Grant.Kind.ServiceAccount) look.kind()).at(),
            backend,
            () -> catalogue.grants(),
            Duration.ofSeconds(10),
            Real.TIME)) {
      assertThat(barred.look(nobody).dead()).isTrue();
      Set<String> own = bindings();
      own.removeAll(others);
      assertThat(own).hasSize(1);
      own.forEach(name -> {
        var _ = lending.done(cluster.delete(BINDINGS + "/" + name));
      });
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> barred.look(nobody))
            .isInstanceOf(FaultException.class)
            .hasMessageContaining("may not list");
      }
      assertThat(bindings()).isEqualTo(others);
    }
  }

  private static Set<String> bindings() {
    Set<String> names = new HashSet<>();
    cluster
        .get(BINDINGS + "?labelSelector=exeat.io%2Fverifier")
        .body()
        .path("items")
        .forEach(each -> names.add(each.path("metadata").path("name").asText()));
    return names;
  }

  @Test
  void aClusterThatIsAwayOrOfAnotherAuthorityIsSaidToBe() {
    Target.Kubernetes away =
        new Target.Kubernetes(
            "shop-cluster", "test", "127.0.0.1", 1, cluster.authorities(), "kubernetes", "exeat");
    Mark nobody = new Mark(new Epoch(TaskId.random(), 1), Optional.empty());
    try (KubernetesVerifier lost =
        new KubernetesVerifier(
            away, backend, () -> catalogue.grants(), Duration.ofSeconds(2), Real.TIME)) {
      assertThatThrownBy(() -> lost.look(nobody))
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("shop-cluster does not answer");
      assertThat(lost.health().available()).isFalse();
    }
    assertThat(verifier.clockAhead().abs()).isLessThan(Duration.ofSeconds(2));
  }

  private static EpochToken open() {
    return backend.openEpoch(
        new Epoch(TaskId.random(), 1), List.of(), agent, List.of(look, view), LIFE);
  }

  private static Mark mark(EpochToken token, Optional<String> principal, Lent... lent) {
    return new Mark(
        token.epoch(),
        principal,
        List.of(lent).stream()
            .map(it -> new Known(it.principal(), look.name(), it.expiresAt()))
            .toList());
  }

  private static int status(Lent lent, String path) {
    return cluster.as(lent.secret().read(bytes -> new String(bytes, UTF_8)), "GET", path).status();
  }

  private static JsonNode named(String name) {
    ObjectNode made = JSON.createObjectNode();
    made.putObject("metadata").put("name", name);
    return made;
  }

  private static Grant grant(String name, Target.Kubernetes target, String resource) {
    Grant.Rule rule =
        new Grant.Rule(List.of(""), List.of(resource), List.of(), List.of("get", "list"));
    return new Grant(
        name,
        target.name(),
        Set.of("read"),
        "internal",
        Set.of(),
        Grant.Delivery.RAW,
        Duration.ofMinutes(10),
        Budget.OF_A_GRANT,
        new Grant.Kind.ServiceAccount(target, "shop", List.of(rule)));
  }

  private static final class Nowhere implements SessionLog {
    @Override
    public void opened(Accessor session) {}

    @Override
    public void ended(Accessor session) {}
  }
}
