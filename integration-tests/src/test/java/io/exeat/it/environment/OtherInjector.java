package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.Base64;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Somebody else's mutating webhook, which does as a mesh's does: a container {@code mesh-proxy}
 * behind the pod's own, an init container {@code mesh-init} before all others, and nothing when
 * they are there already.
 */
public final class OtherInjector implements AutoCloseable {
  /** The label of the pods that it is asked about; its value is a capability, or {@code none}. */
  public static final String LABEL = "mesh";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PROXY = "mesh-proxy";

  private final HttpsServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final String authority;

  private OtherInjector(HttpsServer server, String authority) {
    this.server = server;
    this.authority = authority;
  }

  /** Starts it, on a free port of the loopback address. */
  public static OtherInjector start(TestCertificate certificate) throws IOException {
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certificate.server()));
    OtherInjector made =
        new OtherInjector(
            server,
            Base64.getEncoder().encodeToString(Files.readAllBytes(certificate.certificate())));
    server.setExecutor(made.threads);
    server.createContext("/", made::answer);
    server.start();
    return made;
  }

  /** Its configuration for the API server, which asks webhooks in the order of these names. */
  public JsonNode configuration(String name) {
    ObjectNode all = JSON.createObjectNode();
    all.put("apiVersion", "admissionregistration.k8s.io/v1")
        .put("kind", "MutatingWebhookConfiguration")
        .putObject("metadata")
        .put("name", name);
    ObjectNode webhook = all.putArray("webhooks").addObject();
    webhook
        .put("name", name + ".example.org")
        .put("sideEffects", "None")
        .put("timeoutSeconds", 30)
        .putArray("admissionReviewVersions")
        .add("v1");
    webhook
        .putObject("clientConfig")
        .put("url", "https://127.0.0.1:" + server.getAddress().getPort() + "/")
        .put("caBundle", authority);
    ObjectNode rule = webhook.putArray("rules").addObject();
    rule.putArray("apiGroups").add("");
    rule.putArray("apiVersions").add("v1");
    rule.putArray("operations").add("CREATE");
    rule.putArray("resources").add("pods");
    webhook
        .putObject("objectSelector")
        .putArray("matchExpressions")
        .addObject()
        .put("key", LABEL)
        .put("operator", "Exists");
    return all;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      JsonNode request = JSON.readTree(exchange.getRequestBody()).path("request");
      ObjectNode review = JSON.createObjectNode();
      review.put("apiVersion", "admission.k8s.io/v1").put("kind", "AdmissionReview");
      ObjectNode response = review.putObject("response");
      response.set("uid", request.get("uid"));
      response.put("allowed", true);
      JsonNode pod = request.path("object");
      if (!pod.at("/spec/containers").findValuesAsText("name").contains(PROXY)) {
        response.put("patchType", "JSONPatch").put("patch", JSON.writeValueAsBytes(patch(pod)));
      }
      byte[] body = JSON.writeValueAsBytes(review);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private static ArrayNode patch(JsonNode pod) {
    ArrayNode patch = JSON.createArrayNode();
    add(patch, "/spec/containers/-")
        .put("name", PROXY)
        .put("image", "mesh:1")
        .putObject("securityContext")
        .put("runAsUser", 1337);
    if (pod.at("/spec/initContainers").isMissingNode()) {
      patch.addObject().put("op", "add").put("path", "/spec/initContainers").putArray("value");
    }
    ObjectNode init = add(patch, "/spec/initContainers/0");
    init.put("name", "mesh-init").put("image", "mesh:1");
    String capability = pod.at("/metadata/labels/" + LABEL).asText();
    if (!capability.equals("none")) {
      init.putObject("securityContext").putObject("capabilities").putArray("add").add(capability);
    }
    return patch;
  }

  private static ObjectNode add(ArrayNode patch, String path) {
    return patch.addObject().put("op", "add").put("path", path).putObject("value");
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
