package io.exeat.it.fault;

import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Estate;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Stage;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A broker and the checker that watches it. */
final class Watched implements AutoCloseable {
  /** Nobody who looks may change anything. */
  private static final String MAY_LOOK =
      """
      path "auth/token/accessors" { capabilities = ["list", "sudo"] }
      path "auth/token/accessors/" { capabilities = ["list", "sudo"] }
      path "auth/token/lookup-accessor" { capabilities = ["update"] }
      path "sys/leases/lookup/*" { capabilities = ["list", "sudo"] }
      path "sys/leases/count" { capabilities = ["read"] }
      """;

  /** Whatever agents may ask for; as the catalogue of the scenarios says, and not read from it. */
  private static final Map<String, Set<String>> CEILINGS =
      Map.of(
          "spiffe://example.org/host/h1/agent/clerk",
          Set.of("orders-read", "orders-write", "orders-proxied", "orders-tls"),
          "spiffe://example.org/host/h1/agent/reader",
          Set.of("orders-read"));

  private static final Duration LEASE = Duration.ofSeconds(12);
  private static final Duration CERTIFICATE = Duration.ofMinutes(5);

  private static @Nullable String token;

  final Stage stage = Stage.get();
  final Deployment deployment;
  final Checker checker;

  private Watched(Deployment deployment, Checker checker) {
    this.deployment = deployment;
    this.checker = checker;
  }

  /** A place of the watched brokers' own in Vault: they alone have its role. */
  static Stage.Place place() {
    return Stage.get().development("exeat-watched", Duration.ofMinutes(2));
  }

  /** As usual, with a place of its own. */
  static Deployment.Plan plan() {
    return plan(place());
  }

  /** The same at a place of its own. */
  static Deployment.Plan plan(Stage.Place place) {
    return Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, place);
  }

  /** A new broker that serves, watched from its first moment. */
  static Watched start(Deployment.Plan plan) {
    Watched watched = begin(plan);
    try {
      watched.deployment.awaitServing();
      return watched;
    } catch (RuntimeException e) {
      watched.close();
      throw e;
    }
  }

  /** The same, while it is only just starting. */
  static Watched begin(Deployment.Plan plan) {
    Stage stage = Stage.get();
    String mayLook = token(stage);
    // Vault counts in seconds.
    Instant since = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    Deployment deployment = Deployment.begin(plan);
    try {
      Path folder = deployment.folder();
      Checker checker =
          Checker.watch(
              new Estate(
                  since,
                  stage.vault().address(),
                  stage.vault().trust(),
                  mayLook,
                  plan.place().role(),
                  stage.vault().audit(),
                  stage.postgres().superuserUrl(Stage.DATABASE),
                  folder,
                  plan.journal().orElse(folder.resolve("journal")),
                  plan.audit().orElse(folder.resolve("audit")),
                  "pki/issuer/shop",
                  Set.of(Stage.TLS),
                  CEILINGS,
                  plan.place().heartbeat(),
                  LEASE,
                  CERTIFICATE));
      return new Watched(deployment, checker);
    } catch (RuntimeException e) {
      deployment.close();
      throw e;
    }
  }

  private static synchronized String token(Stage stage) {
    String made = token;
    if (made == null) {
      OpenBao vault = stage.vault();
      // As there is in a Vault that others have used, some of whom were cut off.
      var _ = vault.leaveAnAccessorOfNone();
      require(vault.call("POST", "sys/policies/acl/may-look", Map.of("policy", MAY_LOOK)));
      OpenBao.Reply reply =
          vault.call(
              "POST",
              "auth/token/create",
              Map.of("policies", List.of("may-look"), "no_parent", true, "ttl", "24h"));
      require(reply);
      made = reply.auth().path("client_token").asText();
      token = made;
    }
    return made;
  }

  private static void require(OpenBao.Reply reply) {
    if (reply.status() >= 300) {
      throw new IllegalStateException("OpenBao said " + reply);
    }
  }

  /** What the checker has seen; printed under the name. */
  Verdict verdict(String name) {
    if (deployment.broker().isAlive()) {
      checker.searchProcess(deployment.broker().pid());
    }
    Verdict verdict = checker.verdict(Duration.ofSeconds(10));
    System.out.println("checked: " + name + ": " + verdict);
    return verdict;
  }

  @Override
  public void close() {
    checker.close();
    deployment.close();
  }
}
