package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.AttestConfig;
import io.exeat.config.Settings;
import io.exeat.kube.InjectConfig;
import io.exeat.kube.Webhook;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * What the chart writes into ConfigMaps and what the injector says in a sidecar's environment is,
 * together, a configuration that the sidecar takes.
 */
final class ShippedManifestsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String REVIEW =
      """
      {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "u", "operation": "CREATE", "namespace": "agents",
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "object": {"apiVersion": "v1", "kind": "Pod",
          "metadata": {"labels": {"exeat.io/agent": "billing"}},
          "spec": {"serviceAccountName": "app", "containers": [
            {"name": "main", "image": "app:1", "securityContext": {"runAsUser": 10001}}]}}}}
      """;

  private static final String ENVIRONMENT = "/spec/initContainers/0/env";

  @TempDir private Path folder;

  @Test
  void aSidecarThatIsTheBrokerTakesItsConfiguration() throws IOException {
    JsonNode manifests = manifests("all-in-one");
    JsonNode map = data(manifests, "agents", "exeat");

    BrokerConfig config = read(map.path("exeat.yaml").asText(), sidecar(manifests));

    assertThat(config.form()).isInstanceOf(BrokerConfig.AllInOne.class);
    assertThat(config.identity().id())
        .hasToString("spiffe://example.org/ns/agents/sa/app/broker/billing");
    assertThat(config.attestation().local()).get().isInstanceOf(AttestConfig.WorkloadApi.class);
    catalogue(map);
  }

  @Test
  void aSidecarThatRelaysFindsItsBroker() throws IOException {
    JsonNode manifests = manifests("relayed");
    JsonNode map = data(manifests, "exeat", "exeat-broker");

    BrokerConfig sidecar = read("{}", sidecar(manifests));
    BrokerConfig broker = read(map.path("exeat.yaml").asText(), Map.of());

    BrokerConfig.Relayed relayed = (BrokerConfig.Relayed) sidecar.form();
    assertThat(relayed.relay().broker()).isEqualTo(broker.identity().id());
    assertThat(relayed.relay().host()).isEqualTo("exeat-broker.exeat.svc");
    assertThat(relayed.relay().port()).isEqualTo(broker.listen().orElseThrow().address().getPort());
    AttestConfig.Mtls mtls = broker.attestation().mtls().orElseThrow();
    assertThat(sidecar.attestation().local())
        .get()
        .isInstanceOfSatisfying(
            AttestConfig.WorkloadApi.class,
            it -> assertThat(mtls.agents().test(it.agent())).isTrue());
    catalogue(map);
  }

  /** And SPIRE's agent, as it is configured beside, lets just this one ask. */
  @Test
  void aNodesBrokerAsksSpireByProcess() throws IOException {
    JsonNode manifests = manifests("node");
    JsonNode map = data(manifests, "exeat", "exeat-node");

    BrokerConfig broker = read(map.path("exeat.yaml").asText(), Map.of());

    AttestConfig.BrokerApi mode =
        (AttestConfig.BrokerApi) broker.attestation().local().orElseThrow();
    assertThat(mode.agents().test(SpiffeId.parse("spiffe://example.org/ns/a/sa/b/agent/c")))
        .isTrue();
    String id = broker.identity().id().toString();
    assertThat(find(manifests, "RoleBinding", "exeat-node").at("/subjects/0/name").asText())
        .isEqualTo(id);
    assertThat(find(manifests, "ClusterSPIFFEID", "exeat-node").toString()).contains(id);
    assertThat(Files.readString(Path.of("../spire-config/kubernetes/agent.conf")).split(id, -1))
        .hasSize(3);
    JsonNode pod = find(manifests, "DaemonSet", "exeat-node").at("/spec/template/spec");
    assertThat(pod.path("hostPID").asBoolean()).isTrue();
    assertThat(pod.at("/containers/0/securityContext/capabilities/drop/0").asText())
        .isEqualTo("ALL");
    catalogue(map);
  }

  /** What the policy asks for, and the ClusterSPIFFEID selects, is what the injector writes. */
  @ParameterizedTest
  @ValueSource(strings = {"all-in-one", "relayed"})
  void theManifestsNameTheSidecarAlike(String form) throws IOException {
    JsonNode manifests = manifests(form);
    JsonNode injected = injected(manifests);
    String name = injected.at("/spec/initContainers/0/name").asText();

    assertThat(find(manifests, "ClusterSPIFFEID", "exeat-broker").toString())
        .contains("k8s:container-name:" + name);
    assertThat(find(manifests, "ValidatingAdmissionPolicy", "exeat-agents").toString())
        .contains("c.name == \\\"" + name + "\\\"");
    assertThat(find(manifests, "Deployment", "exeat-injector").toString())
        .contains(injected.at("/spec/initContainers/0/image").asText());
  }

  /** Its pods, as the injector makes them, are the agents of its catalogue. */
  @Test
  void theExamplesAgentsAreThoseOfItsCatalogue() throws IOException {
    Path example = Path.of("../deploy/examples/planner-and-worker");
    JsonNode values = all(example.resolve("values.yaml")).get(0);
    Path file = Files.writeString(folder.resolve("c.yaml"), values.get("catalogue").toString());
    Catalogue catalogue = CatalogueFile.read(file);
    Set<String> agents = new TreeSet<>();
    for (JsonNode each : all(example.resolve("agents.yaml"))) {
      JsonNode template = each.at("/spec/template");
      if (!template.isMissingNode()) {
        ObjectNode review = (ObjectNode) JSON.readTree(REVIEW);
        ((ObjectNode) review.get("request")).set("object", template);
        for (JsonNode set : injected(manifests("all-in-one"), review).at(ENVIRONMENT)) {
          if (set.path("name").asText().equals("EXEAT_ATTESTATION_AGENT")) {
            agents.add(set.path("value").asText());
          }
        }
      }
    }

    assertThat(agents)
        .hasSize(2)
        .containsExactlyInAnyOrderElementsOf(
            catalogue.agents().values().stream().map(it -> it.id().toString()).toList());
  }

  private void catalogue(JsonNode map) throws IOException {
    Path file = Files.writeString(folder.resolve("c.yaml"), map.path("catalogue.yaml").asText());
    assertThat(CatalogueFile.read(file).agents()).isEmpty();
  }

  private static BrokerConfig read(String yaml, Map<String, String> environment) {
    return ConfigFile.read(Settings.parse("exeat.yaml", yaml.getBytes(UTF_8), environment));
  }

  private static Map<String, String> sidecar(JsonNode manifests) throws IOException {
    Map<String, String> all = new TreeMap<>();
    for (JsonNode each : injected(manifests).at(ENVIRONMENT)) {
      all.put(each.path("name").asText(), each.path("value").asText());
    }
    return all;
  }

  private static JsonNode injected(JsonNode manifests) throws IOException {
    return injected(manifests, JSON.readTree(REVIEW));
  }

  /** The pod, of which all that the tests look at is in the answer's patch. */
  private static JsonNode injected(JsonNode manifests, JsonNode review) throws IOException {
    String yaml = data(manifests, "exeat", "exeat-injector").path("inject.yaml").asText();
    InjectConfig config =
        InjectFile.read(Settings.parse("inject.yaml", yaml.getBytes(UTF_8), Map.of()));
    JsonNode response =
        JSON.readTree(new Webhook(config).answer(JSON.writeValueAsBytes(review)).body())
            .path("response");
    assertThat(response.path("allowed").asBoolean()).as(response.toString()).isTrue();
    for (JsonNode change : JSON.readTree(response.path("patch").binaryValue())) {
      if (change.path("path").asText().equals("/spec/initContainers")) {
        var pod = JSON.createObjectNode();
        pod.putObject("spec").set("initContainers", change.get("value"));
        return pod;
      }
    }
    throw new AssertionError(response);
  }

  private static JsonNode data(JsonNode manifests, String namespace, String name) {
    for (JsonNode each : manifests) {
      if (each.path("kind").asText().equals("ConfigMap")
          && each.at("/metadata/name").asText().equals(name)
          && each.at("/metadata/namespace").asText().equals(namespace)) {
        return each.get("data");
      }
    }
    throw new AssertionError("there is no ConfigMap " + namespace + "/" + name);
  }

  private static JsonNode find(JsonNode manifests, String kind, String name) {
    return StreamSupport.stream(manifests.spliterator(), false)
        .filter(it -> it.path("kind").asText().equals(kind))
        .filter(it -> it.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static JsonNode manifests(String form) throws IOException {
    return all(Path.of("../deploy/kubernetes", form + ".yaml"));
  }

  private static JsonNode all(Path file) throws IOException {
    var all = JSON.createArrayNode();
    String text = Files.readString(file);
    for (Object each : new Load(LoadSettings.builder().build()).loadAllFromString(text)) {
      all.add(JSON.<JsonNode>valueToTree(each));
    }
    return all;
  }
}
