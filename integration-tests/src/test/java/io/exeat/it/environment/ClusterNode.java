package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.it.Needs;
import io.exeat.it.environment.Kubernetes.Said;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * A cluster of one node as far as identity goes: a real API server with a real SPIRE, its
 * controller manager and the injector; a {@link Kubelet} that stands in. All manifests are those
 * that ship. Namespaces: {@code agents} whose pods are injected, {@code hosted} whose pods are the
 * node's broker's, {@code unbound} like it but for the broker's rights there.
 */
public final class ClusterNode implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String WEBHOOK =
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/exeat";

  /** At which its kubelet is reached, too. */
  private static final String NODE = "localhost";

  private final Path folder;
  private final Path controllerBinary;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Kubernetes kubernetes;
  private final Path kubeconfig;
  private final ClusterSpire spire;
  private final Kubelet kubelet;
  private @Nullable ControllerManager controller;

  private ClusterNode(Path folder, Path binaries, Path controllerBinary, Path hierarchy)
      throws Exception {
    this.folder = folder;
    this.controllerBinary = controllerBinary;
    try {
      this.kubernetes = opened(Kubernetes.start(binaries, folder));
      this.kubeconfig = kubernetes.kubeconfig(folder.resolve("kubeconfig"));
      for (String namespace : List.of("exeat", "spire", "agents", "hosted", "unbound")) {
        namespace(namespace);
      }
      label("agents", "exeat.io/inject");
      label("hosted", "exeat.io/node");
      label("unbound", "exeat.io/node");
      account("spire", "spire-agent");
      var _ = create("/api/v1/namespaces/spire/configmaps", "{metadata: {name: spire-bundle}}");
      definitions();
      this.kubelet =
          opened(
              Kubelet.start(
                  kubernetes, NODE, hierarchy, Files.createDirectories(folder.resolve("kubelet"))));
      this.spire = opened(ClusterSpire.start(folder, kubeconfig));
      startAgent();
      webhook();
    } catch (Exception | Error e) {
      close();
      throw e;
    }
  }

  /**
   * Starts all but the controller, and skips the test where a part is missing.
   *
   * @param folder short, and open to other users' processes
   */
  public static ClusterNode start(Path folder) throws Exception {
    return new ClusterNode(
        folder,
        Needs.part("kubernetes", Kubernetes.binaries()),
        Needs.part("spire-controller", ControllerManager.binary()),
        Needs.part("cgroups", Cgroup.hierarchy()));
  }

  private <T extends AutoCloseable> T opened(T part) {
    open.push(part);
    return part;
  }

  private void definitions() throws IOException {
    ControllerManager.kinds().forEach(this::apply);
    Processes.await(
        "SPIRE's kinds",
        PATIENCE,
        () -> kubernetes.get("/apis/spire.spiffe.io/v1alpha1/clusterspiffeids").done());
  }

  private void startAgent() throws IOException {
    Path account = kubernetes.account("spire", "spire-agent", folder.resolve("account"));
    var _ = create("/api/v1/nodes", "{metadata: {name: " + NODE + "}}");
    JsonNode pod =
        pod(
            "spire",
            "{metadata: {name: spire-agent-1}, spec: {serviceAccountName: spire-agent, hostPID:"
                + " true, containers: [{name: spire-agent, image: 'spire-agent:1'}]}}");
    Manifests.all(
            Files.readString(Packaged.root().resolve("spire-config/kubernetes/agent-role.yaml")))
        .forEach(this::apply);
    Processes.await("SPIRE's bundle", PATIENCE, () -> bundle().contains("BEGIN CERTIFICATE"));
    String token =
        create(
                "/api/v1/namespaces/spire/serviceaccounts/spire-agent/token",
                """
                {spec: {audiences: [spire-server], boundObjectRef: {
                  apiVersion: v1, kind: Pod, name: spire-agent-1, uid: %s}}}
                """
                    .formatted(pod.at("/metadata/uid").asText()))
            .at("/status/token")
            .asText();
    spire.startAgent(
        token,
        bundle(),
        kubelet,
        NODE,
        account,
        kubernetes.as(account).kubeconfig(folder.resolve("agent.kubeconfig")));
  }

  private String bundle() {
    return kubernetes
        .get("/api/v1/namespaces/spire/configmaps/spire-bundle")
        .body()
        .at("/data/bundle.crt")
        .asText();
  }

  /**
   * All of {@code node.yaml} but what is SPIRE's or cert-manager's, with the webhook by its url.
   */
  private void webhook() throws IOException {
    TestCertificate certificate =
        TestCertificate.create(Files.createDirectories(folder.resolve("webhook")));
    Injector injector = opened(Injector.start(folder.resolve("injector"), certificate, ""));
    Manifests.documents(shipped("deploy/kubernetes/node.yaml")).forEach(this::apply);
    ArrayNode patch = JSON.createArrayNode();
    patch
        .addObject()
        .put("op", "replace")
        .put("path", "/webhooks/0/clientConfig")
        .putObject("value")
        .put("url", "https://127.0.0.1:" + injector.port() + "/inject")
        .put(
            "caBundle",
            Base64.getEncoder().encodeToString(Files.readAllBytes(certificate.certificate())));
    patch
        .addObject()
        .put("op", "replace")
        .put("path", "/webhooks/0/timeoutSeconds")
        .put("value", 30);
    var _ = done(kubernetes.patch(WEBHOOK, "application/json-patch+json", patch.toString()));
    account("agents", "probe");
    // In force a moment after it is stored.
    Processes.await(
        "the webhook",
        PATIENCE,
        Duration.ofMillis(200),
        () ->
            kubernetes
                .create("/api/v1/namespaces/agents/pods?dryRun=All", agent("probe", 10001))
                .body()
                .path("spec")
                .has("initContainers"));
  }

  /** A file of the sources; what is bound in {@code agents} there is in {@code hosted} here. */
  public static String shipped(String file) {
    try {
      String text = Files.readString(Packaged.root().resolve(file));
      return text.replaceAll(
          "(?s)(kind: RoleBinding\nmetadata:\n  name: exeat-node\n  namespace: )agents",
          "$1hosted");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Kubernetes api() {
    return kubernetes;
  }

  public ClusterSpire spire() {
    return spire;
  }

  public Kubelet kubelet() {
    return kubelet;
  }

  /** Has the controller manager of a class of objects in the place of the one before. */
  public void control(String className) {
    ControllerManager before = controller;
    if (before != null) {
      before.close();
    }
    try {
      controller =
          ControllerManager.start(
              controllerBinary, folder, kubeconfig, Path.of(spire.socket()), className);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void namespace(String name) {
    var _ = create("/api/v1/namespaces", "{metadata: {name: " + name + "}}");
  }

  private void label(String namespace, String label) {
    var _ =
        done(
            kubernetes.patch(
                "/api/v1/namespaces/" + namespace,
                "application/merge-patch+json",
                "{\"metadata\": {\"labels\": {\"" + label + "\": \"enabled\"}}}"));
  }

  /** Makes a service account. */
  public void account(String namespace, String name) {
    var _ =
        create(
            "/api/v1/namespaces/" + namespace + "/serviceaccounts",
            "{metadata: {name: " + name + "}}");
  }

  /** An agent's pod as its author writes it, with a service account of its name. */
  public static ObjectNode agent(String name, int uid) {
    return json(
        """
        {metadata: {name: %1$s, labels: {exeat.io/agent: %1$s}},
         spec: {serviceAccountName: %1$s, containers: [
           {name: main, image: 'app:1', securityContext: {runAsUser: %2$d}}]}}
        """
            .formatted(name, uid));
  }

  /** The same, its service account and all, on this node. */
  public JsonNode agentsPod(String namespace, String name, int uid) {
    account(namespace, name);
    return bound(namespace, agent(name, uid));
  }

  /** The same in the group of the node's broker's socket, which no injector adds. */
  public JsonNode hostedPod(String namespace, String name, int uid) {
    account(namespace, name);
    ObjectNode pod = agent(name, uid);
    pod.withObject("/spec/securityContext").putArray("supplementalGroups").add(64002);
    return bound(namespace, pod);
  }

  /** A pod of YAML. */
  private JsonNode pod(String namespace, String yaml) {
    return bound(namespace, json(yaml));
  }

  /** The pod that a DaemonSet's controller would make for this node. */
  public JsonNode daemon(String namespace, String name) {
    JsonNode template =
        kubernetes
            .get("/apis/apps/v1/namespaces/" + namespace + "/daemonsets/" + name)
            .body()
            .at("/spec/template");
    ObjectNode pod = template.deepCopy();
    pod.withObject("/metadata").put("name", name + "-1");
    return bound(namespace, pod);
  }

  private JsonNode bound(String namespace, ObjectNode pod) {
    String pods = "/api/v1/namespaces/" + namespace + "/pods";
    JsonNode made = done(kubernetes.create(pods, pod)).body();
    String name = made.at("/metadata/name").asText();
    var _ =
        create(
            pods + "/" + name + "/binding",
            "{metadata: {name: " + name + "}, target: {kind: Node, name: " + NODE + "}}");
    return made;
  }

  /** Deletes a pod as a kubelet does when its containers have ended: at once. */
  public void delete(JsonNode pod) {
    var _ =
        done(
            kubernetes.delete(
                "/api/v1/namespaces/%s/pods/%s?gracePeriodSeconds=0"
                    .formatted(
                        pod.at("/metadata/namespace").asText(),
                        pod.at("/metadata/name").asText())));
  }

  /** Server-side apply of one document. */
  public void apply(String document) {
    var _ = done(Manifests.apply(kubernetes, document, ""));
  }

  private JsonNode create(String path, String yaml) {
    return done(kubernetes.create(path, json(yaml))).body();
  }

  private static ObjectNode json(String yaml) {
    return JSON.valueToTree(new Load(LoadSettings.builder().build()).loadFromString(yaml));
  }

  private static Said done(Said said) {
    if (!said.done()) {
      throw new IllegalStateException(said.toString());
    }
    return said;
  }

  @Override
  public void close() {
    ControllerManager running = controller;
    if (running != null) {
      running.close();
    }
    for (AutoCloseable part = open.poll(); part != null; part = open.poll()) {
      try {
        part.close();
      } catch (Exception e) { // the others are to end all the same
        System.err.println("not closed: " + e);
      }
    }
  }
}
