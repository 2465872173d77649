package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.it.Needs;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Injector;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Kubernetes.Said;
import io.exeat.it.environment.Spire;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The chart with {@code injector.certificate.mode=svid}, on a real API server with a real SPIRE:
 * nobody sets a caBundle.
 */
@NullMarked
final class TheWebhookIsKnownByItsSvidIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String WEBHOOKS =
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
  private static final String BROKER = "/apis/apps/v1/namespaces/exeat/statefulsets/exeat-broker";
  private static final String JSON_PATCH = "application/json-patch+json";

  private final AtomicInteger numbers = new AtomicInteger();

  @TempDir private Path folder;

  @Test
  void itsBundleFollowsSpiresAuthoritiesAndNoPodIsLost() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    Helm helm = Helm.in(folder);
    try (Spire spire = Spire.start();
        Kubernetes kubernetes = Kubernetes.start(binaries, folder)) {
      for (String namespace : new String[] {"exeat", "agents"}) {
        done(kubernetes.create("/api/v1/namespaces", named(namespace, "exeat.io/inject")));
      }
      done(kubernetes.create("/api/v1/namespaces/agents/serviceaccounts", named("app", "none")));
      installed(helm, kubernetes);
      int port = freePort();
      // What the test changes: nobody routes to Services here.
      done(
          kubernetes.patch(
              WEBHOOKS + "/exeat",
              JSON_PATCH,
              """
              [{"op": "replace", "path": "/webhooks/0/clientConfig",
                "value": {"url": "https://localhost:%d/inject"}},
               {"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 30}]
              """
                  .formatted(port)));
      spire.serving("spiffe://example.org/ns/exeat/sa/exeat-injector", "localhost");
      Path account = kubernetes.account("exeat", "exeat-injector", folder.resolve("account"));
      mayDoNothingElse(kubernetes.as(account));

      try (Injector injector = injector(spire, kubernetes, account, port)) {
        awaitAuthorities(kubernetes, 1);
        create(kubernetes);

        // As SPIRE's own CA manager does it, half a CA's life before its end.
        String old = authority(spire, "show", "(?s)Active.*?Authority ID: (\\S+)");
        String next = authority(spire, "prepare", "Authority ID: (\\S+)");
        awaitAuthorities(kubernetes, 2);
        create(kubernetes);
        int served = certificates(injector);
        var _ = spire.server("localauthority", "x509", "activate", "-authorityID", next);
        var _ = spire.server("localauthority", "x509", "taint", "-authorityID", old);
        Awaitility.await()
            .atMost(PATIENCE)
            .until(() -> {
              create(kubernetes);
              return certificates(injector) > served;
            });
        var _ = spire.server("localauthority", "x509", "revoke", "-authorityID", old);
        awaitAuthorities(kubernetes, 1);
        create(kubernetes);

        // Somebody, such as an upgrade, sets it to nothing.
        done(
            kubernetes.patch(
                WEBHOOKS + "/exeat",
                JSON_PATCH,
                "[{\"op\": \"remove\", \"path\": \"/webhooks/0/clientConfig/caBundle\"}]"));
        awaitAuthorities(kubernetes, 1);
        create(kubernetes);
      }
    }
  }

  /**
   * Installs the chart, with a broker for sidecars that relay, upgrades and rolls back: what runs
   * is not touched, and the caBundle is not taken away.
   */
  private void installed(Helm helm, Kubernetes kubernetes) throws Exception {
    String config = kubernetes.kubeconfig(folder.resolve("kubeconfig")).toString();
    String values =
        "trustDomain=example.org,form=relayed,injector.certificate.mode=svid,"
            + "spire.clusterSPIFFEIDs=false,image.tag=";
    String[] where = {"--kubeconfig", config, "--namespace", "exeat"};
    assertThat(helm.run(0, with(where, "install", "exeat", Helm.chart(), "--set", values + "one")))
        .contains("kubectl label namespace");
    JsonNode first = kubernetes.get(BROKER).body();
    // An injector's work; any certificate does.
    String some =
        Base64.getEncoder()
            .encodeToString(Files.readAllBytes(folder.resolve("certificates/apiserver.crt")));
    done(
        kubernetes.patch(
            WEBHOOKS + "/exeat",
            JSON_PATCH,
            "[{\"op\": \"add\", \"path\": \"/webhooks/0/clientConfig/caBundle\", \"value\": \""
                + some
                + "\"}]"));

    var _ = helm.run(0, with(where, "upgrade", "exeat", Helm.chart(), "--set", values + "two"));
    broker(kubernetes, first, ":two");
    var _ = helm.run(0, with(where, "rollback", "exeat", "1"));
    broker(kubernetes, first, ":one");

    assertThat(bundle(kubernetes)).isEqualTo(some);
  }

  /** The same object with another template, which its controller gives to no pod that runs. */
  private static void broker(Kubernetes kubernetes, JsonNode first, String tag) {
    JsonNode now = kubernetes.get(BROKER).body();
    assertThat(now.at("/metadata/uid")).isEqualTo(first.at("/metadata/uid"));
    assertThat(now.at("/spec/template/spec/containers/0/image").asText()).endsWith(tag);
    assertThat(now.at("/spec/updateStrategy/type").asText()).isEqualTo("OnDelete");
    assertThat(now.at("/spec/volumeClaimTemplates/0/metadata/name").asText()).isEqualTo("state");
  }

  private static String[] with(String[] where, String... words) {
    return Stream.concat(Stream.of(words), Stream.of(where)).toArray(String[]::new);
  }

  private Injector injector(Spire spire, Kubernetes kubernetes, Path account, int port)
      throws Exception {
    Path own = Files.createDirectories(folder.resolve("injector"));
    Files.writeString(
        own.resolve("inject.yaml"),
        """
        port: %d
        namespace: exeat
        certificate:
          mode: svid
          id: spiffe://example.org/ns/exeat/sa/exeat-injector
          workload-api: %s
          registration: {webhook: exeat, api-server: "%s", account: %s}
        sidecar: {trust-domain: example.org, image: "registry.example.org/exeat:1"}
        """
            .formatted(port, spire.workloadSocket(), kubernetes.address(), account));
    return Injector.start(own, port);
  }

  /** The chart's role is the least: this webhook by name, and neither to list nor to delete. */
  private static void mayDoNothingElse(Kubernetes asInjector) {
    assertThat(asInjector.get(WEBHOOKS + "/exeat").status()).isEqualTo(200);
    assertThat(asInjector.get(WEBHOOKS).status()).isEqualTo(403);
    assertThat(asInjector.patch(WEBHOOKS + "/other", JSON_PATCH, "[]").status()).isEqualTo(403);
    assertThat(asInjector.delete(WEBHOOKS + "/exeat").status()).isEqualTo(403);
    assertThat(asInjector.get("/api/v1/namespaces/exeat/secrets").status()).isEqualTo(403);
  }

  private static ObjectNode named(String name, String label) {
    ObjectNode object = JSON.createObjectNode();
    object.putObject("metadata").put("name", name).putObject("labels").put(label, "enabled");
    return object;
  }

  private void create(Kubernetes kubernetes) throws Exception {
    JsonNode pod =
        JSON.readTree(
            """
            {"metadata": {"name": "p%d", "labels": {"exeat.io/agent": "billing"}},
             "spec": {"serviceAccountName": "app", "containers": [
               {"name": "main", "image": "app:1", "securityContext": {"runAsUser": 10001}}]}}
            """
                .formatted(numbers.incrementAndGet()));
    assertThat(
            done(kubernetes.create("/api/v1/namespaces/agents/pods", pod))
                .body()
                .at("/spec/initContainers/0/name")
                .asText())
        .isEqualTo("exeat");
  }

  private static String bundle(Kubernetes kubernetes) {
    return kubernetes
        .get(WEBHOOKS + "/exeat")
        .body()
        .at("/webhooks/0/clientConfig/caBundle")
        .asText();
  }

  private static void awaitAuthorities(Kubernetes kubernetes, int number) {
    Awaitility.await()
        .atMost(PATIENCE)
        .until(() -> {
          return new String(
                      Base64.getDecoder().decode(bundle(kubernetes)), StandardCharsets.US_ASCII)
                  .split("BEGIN CERTIFICATE", -1)
                  .length
              == number + 1;
        });
  }

  private static int certificates(Injector injector) throws Exception {
    return injector.log().split("Serving with a certificate", -1).length;
  }

  private static String authority(Spire spire, String verb, String pattern) {
    String said = spire.server("localauthority", "x509", verb);
    Matcher found = Pattern.compile(pattern).matcher(said);
    assertThat(found.find()).as(said).isTrue();
    return found.group(1);
  }

  private static Said done(Said said) {
    assertThat(said.done()).as("%s %s", said.status(), said.message()).isTrue();
    return said;
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
