package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.exeat.it.environment.Kubernetes.Said;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Stands in for a node's kubelet, as far as SPIRE's k8s attestor sees one: {@code GET /pods}, for
 * whom the API server lets, and containers that are cgroups with an ID in their pod's status. It
 * starts nothing: tests put processes into the cgroups.
 */
public final class Kubelet implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Kubernetes kubernetes;
  private final String node;
  private final Path hierarchy;
  private final TestCertificate certificate;
  private final HttpsServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Deque<Cgroup> cgroups = new ArrayDeque<>();

  private Kubelet(Kubernetes kubernetes, String node, Path hierarchy, TestCertificate certificate)
      throws IOException {
    this.kubernetes = kubernetes;
    this.node = node;
    this.hierarchy = hierarchy;
    this.certificate = certificate;
    this.server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certificate.server()));
    server.setExecutor(threads);
    server.createContext("/pods", this::pods);
    server.start();
  }

  /**
   * Starts one, on a free port of the loopback address.
   *
   * @param hierarchy of cgroups, {@link Cgroup#hierarchy}
   * @param folder for its certificate
   */
  static Kubelet start(Kubernetes kubernetes, String node, Path hierarchy, Path folder)
      throws IOException {
    return new Kubelet(kubernetes, node, hierarchy, TestCertificate.create(folder));
  }

  int port() {
    return server.getAddress().getPort();
  }

  /** Who vouches for its certificate. */
  Path authorities() {
    return certificate.certificate();
  }

  /** As a kubelet with webhook authentication and authorization. */
  private void pods(HttpExchange exchange) throws IOException {
    try (exchange) {
      Optional<JsonNode> user =
          Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
              .filter(it -> it.startsWith("Bearer "))
              .flatMap(it -> user(it.substring("Bearer ".length())));
      if (user.isEmpty()) {
        answer(exchange, 401, "Unauthorized");
      } else if (!mayRead(user.get())) {
        answer(exchange, 403, "Forbidden: " + user.get());
      } else {
        answer(
            exchange,
            200,
            kubernetes.get("/api/v1/pods?fieldSelector=spec.nodeName%3D" + node).body().toString());
      }
    }
  }

  private Optional<JsonNode> user(String token) {
    JsonNode review =
        kubernetes
            .create(
                "/apis/authentication.k8s.io/v1/tokenreviews",
                JSON.createObjectNode().set("spec", JSON.createObjectNode().put("token", token)))
            .body();
    return Optional.of(review.at("/status"))
        .filter(it -> it.path("authenticated").asBoolean())
        .map(it -> it.get("user"));
  }

  private boolean mayRead(JsonNode user) {
    ObjectNode spec = JSON.createObjectNode();
    spec.put("user", user.path("username").asText()).set("groups", user.path("groups"));
    spec.putObject("resourceAttributes")
        .put("verb", "get")
        .put("resource", "nodes")
        .put("subresource", "proxy")
        .put("name", node);
    return kubernetes
        .create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            JSON.createObjectNode().set("spec", spec))
        .body()
        .at("/status/allowed")
        .asBoolean();
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  /**
   * Has the pod's containers, native sidecars among them, run on this node, and says so in its
   * status.
   *
   * @return by their names
   */
  public Map<String, Cgroup> run(JsonNode pod) {
    String uid = pod.at("/metadata/uid").asText();
    Map<String, Cgroup> all = new LinkedHashMap<>();
    ObjectNode status = JSON.createObjectNode().put("phase", "Running");
    for (String kind : new String[] {"initContainer", "container"}) {
      ArrayNode statuses = status.putArray(kind + "Statuses");
      for (JsonNode container : pod.at("/spec/" + kind + "s")) {
        String id = id();
        Cgroup cgroup = Cgroup.of(hierarchy, uid, id);
        cgroups.push(cgroup);
        all.put(container.path("name").asText(), cgroup);
        ObjectNode one = statuses.addObject();
        one.put("name", container.path("name").asText())
            .put("image", container.path("image").asText())
            .put("imageID", container.path("image").asText() + "@sha256:" + id())
            .put("containerID", "containerd://" + id)
            .put("ready", true)
            .put("started", true)
            .put("restartCount", 0)
            .putObject("state")
            .putObject("running");
      }
    }
    Said said =
        kubernetes.patch(
            "/api/v1/namespaces/%s/pods/%s/status"
                .formatted(
                    pod.at("/metadata/namespace").asText(), pod.at("/metadata/name").asText()),
            "application/merge-patch+json",
            JSON.createObjectNode().set("status", status).toString());
    if (!said.done()) {
      throw new IllegalStateException(said.toString());
    }
    return all;
  }

  private static String id() {
    byte[] random = new byte[32];
    ThreadLocalRandom.current().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /** Ends what is in its containers. */
  @Override
  public void close() {
    server.stop(0);
    threads.close();
    cgroups.forEach(Cgroup::close);
    cgroups.clear();
  }
}
