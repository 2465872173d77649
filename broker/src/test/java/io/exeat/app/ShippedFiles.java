package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.config.Settings;
import io.exeat.kube.InjectConfig;
import io.exeat.kube.Webhook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** What is in {@code deploy}, and what injector and broker make of it. */
final class ShippedFiles {
  static final Path DEPLOY = Path.of("../deploy");
  static final ObjectMapper JSON = new ObjectMapper();
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

  private ShippedFiles() {}

  /** The configuration as the broker reads it. */
  static BrokerConfig read(String yaml, Map<String, String> environment) {
    return ConfigFile.read(Settings.parse("exeat.yaml", yaml.getBytes(UTF_8), environment));
  }

  /** What the injector says to the sidecar of a pod. */
  static Map<String, String> sidecar(JsonNode manifests) throws IOException {
    return environment(injected(manifests));
  }

  /** The same of a Deployment's or a Job's pods. */
  static Map<String, String> sidecar(JsonNode manifests, JsonNode template) throws IOException {
    ObjectNode review = (ObjectNode) JSON.readTree(REVIEW);
    ((ObjectNode) review.get("request")).set("object", template);
    return environment(injected(manifests, review));
  }

  private static Map<String, String> environment(JsonNode pod) {
    Map<String, String> all = new TreeMap<>();
    for (JsonNode each : pod.at("/spec/initContainers/0/env")) {
      all.put(each.path("name").asText(), each.path("value").asText());
    }
    return all;
  }

  static JsonNode injected(JsonNode manifests) throws IOException {
    return injected(manifests, JSON.readTree(REVIEW));
  }

  /** The pod, of which all that the tests look at is in the answer's patch. */
  static JsonNode injected(JsonNode manifests, JsonNode review) throws IOException {
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

  static JsonNode data(JsonNode manifests, String namespace, String name) {
    for (JsonNode each : manifests) {
      if (each.path("kind").asText().equals("ConfigMap")
          && each.at("/metadata/name").asText().equals(name)
          && each.at("/metadata/namespace").asText().equals(namespace)) {
        return each.get("data");
      }
    }
    throw new AssertionError("there is no ConfigMap " + namespace + "/" + name);
  }

  static JsonNode find(JsonNode manifests, String kind, String name) {
    return StreamSupport.stream(manifests.spliterator(), false)
        .filter(it -> it.path("kind").asText().equals(kind))
        .filter(it -> it.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  static JsonNode manifests(String form) throws IOException {
    return all(Path.of("../deploy/kubernetes", form + ".yaml"));
  }

  static JsonNode all(Path file) throws IOException {
    var all = JSON.createArrayNode();
    String text = Files.readString(file);
    for (Object each : new Load(LoadSettings.builder().build()).loadAllFromString(text)) {
      all.add(JSON.<JsonNode>valueToTree(each));
    }
    return all;
  }
}
