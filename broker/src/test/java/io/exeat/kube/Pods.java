package io.exeat.kube;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Iterator;

/** Pods, what is asked about them, and what comes of an answer. */
final class Pods {
  static final ObjectMapper JSON = new ObjectMapper();
  static final SidecarPlan.Form HERE = new SidecarPlan.AllInOne("exeat");
  static final SidecarPlan.Form RELAYED =
      new SidecarPlan.Relayed(
          "exeat-broker.exeat.svc:8443", "spiffe://example.org/ns/exeat/sa/exeat-broker/broker/b");

  private Pods() {}

  static Webhook webhook(SidecarPlan.Form form) {
    return new Webhook(
        new InjectConfig(
            new InetSocketAddress(0),
            new InjectConfig.Files(Path.of("tls.crt"), Path.of("tls.key")),
            "exeat",
            new SidecarPlan(
                "example.org",
                "registry.example.org/exeat:1",
                64_001,
                64_002,
                "csi.spiffe.io",
                "spire-agent.sock",
                form,
                "1.0.0")));
  }

  /** A pod that is injected as it is. */
  static ObjectNode plain() {
    return parse(
        """
        {"apiVersion": "v1", "kind": "Pod",
         "metadata": {"name": "p", "labels": {"exeat.io/agent": "billing"}},
         "spec": {"serviceAccountName": "app", "containers": [
           {"name": "main", "image": "app:1", "securityContext": {"runAsUser": 10001}}]}}\
        """);
  }

  static ObjectNode parse(String json) {
    try {
      return (ObjectNode) JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ObjectNode review(JsonNode pod) {
    ObjectNode review =
        parse(
            """
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
              "uid": "u-1", "operation": "CREATE", "namespace": "shop", "dryRun": false,
              "kind": {"group": "", "version": "v1", "kind": "Pod"},
              "resource": {"group": "", "version": "v1", "resource": "pods"}}}\
            """);
    ((ObjectNode) review.get("request")).set("object", pod);
    return review;
  }

  static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  static JsonNode response(Answer answer) {
    try {
      return JSON.readTree(answer.body()).path("response");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The pod that the API server would store. */
  static ObjectNode injected(Webhook webhook, ObjectNode pod) {
    JsonNode response = response(webhook.answer(bytes(review(pod))));
    if (!response.path("allowed").asBoolean()) {
      throw new AssertionError("refused: " + response.path("status").path("message").asText());
    }
    return patched(pod, response);
  }

  /** Why the pod is refused. */
  static String refusal(Webhook webhook, ObjectNode pod) {
    JsonNode response = response(webhook.answer(bytes(review(pod))));
    if (response.path("allowed").asBoolean(true)) {
      throw new AssertionError("not refused");
    }
    return response.path("status").path("message").asText();
  }

  static ObjectNode patched(ObjectNode pod, JsonNode response) {
    ObjectNode result = pod.deepCopy();
    try {
      JsonNode patch =
          response.has("patch")
              ? JSON.readTree(response.get("patch").binaryValue())
              : JSON.createArrayNode();
      for (JsonNode operation : patch) {
        apply(result, operation);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result;
  }

  private static void apply(ObjectNode root, JsonNode operation) {
    String path = operation.get("path").asText();
    int slash = path.lastIndexOf('/');
    JsonNode parent = root.at(path.substring(0, slash));
    String key = path.substring(slash + 1).replace("~1", "/").replace("~0", "~");
    JsonNode value = operation.get("value");
    String op = operation.get("op").asText();
    if (parent instanceof ArrayNode array) {
      array.set(Integer.parseInt(key), value);
    } else if (op.equals("remove")) {
      if (((ObjectNode) parent).remove(key) == null) {
        throw new AssertionError("nothing to remove at " + path);
      }
    } else if (op.equals("add") == parent.has(key)) {
      throw new AssertionError(op + " at " + path);
    } else {
      ((ObjectNode) parent).set(key, value);
    }
  }

  /** The element of that name. */
  static ObjectNode named(JsonNode array, String name) {
    for (Iterator<JsonNode> each = array.iterator(); each.hasNext(); ) {
      JsonNode one = each.next();
      if (one.path("name").asText().equals(name)) {
        return (ObjectNode) one;
      }
    }
    throw new AssertionError("no " + name + " in " + array);
  }
}
