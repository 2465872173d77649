package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.Needs;
import io.exeat.it.environment.ClusterSpire;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Kubernetes.Said;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code spire-config/kubernetes}: a real server publishes its bundle in a real API server, and
 * takes a real agent by its pod's token, which that API server reviews.
 */
@NullMarked
final class ANodeOfAClusterIsAttestedIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  @Test
  void byItsAgentsTokenAndTheBundleIsPublished() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    try (Kubernetes kubernetes = Kubernetes.start(binaries, folder);
        ClusterSpire spire = started(kubernetes)) {
      Awaitility.await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> bundle(kubernetes).contains("BEGIN CERTIFICATE"));
      String node =
          create(kubernetes, "/api/v1/nodes", "{\"metadata\": {\"name\": \"node-1\"}}")
              .at("/metadata/uid")
              .asText();
      JsonNode pod =
          create(
              kubernetes,
              "/api/v1/namespaces/spire/pods",
              """
              {"metadata": {"name": "spire-agent-1"}, "spec": {"nodeName": "node-1",
               "serviceAccountName": "spire-agent", "hostPID": true,
               "containers": [{"name": "spire-agent", "image": "spire-agent:1"}]}}
              """);

      spire.startAgent(token(kubernetes, pod), bundle(kubernetes));

      assertThat(spire.server("agent", "list"))
          .contains("spiffe://example.org/spire/agent/k8s_psat/example/" + node);
    }
  }

  private ClusterSpire started(Kubernetes kubernetes) throws IOException {
    create(kubernetes, "/api/v1/namespaces", "{\"metadata\": {\"name\": \"spire\"}}");
    create(
        kubernetes,
        "/api/v1/namespaces/spire/serviceaccounts",
        "{\"metadata\": {\"name\": \"spire-agent\"}}");
    create(
        kubernetes,
        "/api/v1/namespaces/spire/configmaps",
        "{\"metadata\": {\"name\": \"spire-bundle\"}}");
    return ClusterSpire.start(folder, kubernetes.kubeconfig(folder.resolve("kubeconfig")));
  }

  private static String bundle(Kubernetes kubernetes) {
    return kubernetes
        .get("/api/v1/namespaces/spire/configmaps/spire-bundle")
        .body()
        .at("/data/bundle.crt")
        .asText();
  }

  /** As a kubelet asks for one, for the pod's projected volume. */
  private static String token(Kubernetes kubernetes, JsonNode pod) throws IOException {
    return create(
            kubernetes,
            "/api/v1/namespaces/spire/serviceaccounts/spire-agent/token",
            """
            {"spec": {"audiences": ["spire-server"], "boundObjectRef": {
              "apiVersion": "v1", "kind": "Pod", "name": "spire-agent-1", "uid": "%s"}}}
            """
                .formatted(pod.at("/metadata/uid").asText()))
        .at("/status/token")
        .asText();
  }

  private static JsonNode create(Kubernetes kubernetes, String path, String object)
      throws IOException {
    Said said = kubernetes.create(path, JSON.readTree(object));
    assertThat(said.done()).as("%s %s", said.status(), said.message()).isTrue();
    return said.body();
  }
}
