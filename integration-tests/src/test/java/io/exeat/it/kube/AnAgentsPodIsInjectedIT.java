package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.it.Needs;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Injector;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Kubernetes.Said;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.OtherInjector;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.TestCertificate;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The shipped webhook configuration and policy, in a real API server. */
@NullMarked
final class AnAgentsPodIsInjectedIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PODS = "/api/v1/namespaces/%s/pods";
  private static final String CONFIGURATIONS =
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
  private static final String WEBHOOK = CONFIGURATIONS + "/exeat";
  private static final AtomicInteger NUMBERS = new AtomicInteger();

  @TempDir private static Path folder;
  private static Kubernetes kubernetes;
  private static Injector injector;
  private static TestCertificate first;
  private static TestCertificate second;

  @BeforeAll
  static void start() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    kubernetes = Kubernetes.start(binaries, folder);
    first = TestCertificate.create(Files.createDirectories(folder.resolve("first")));
    second = TestCertificate.create(Files.createDirectories(folder.resolve("second")));
    injector = Injector.start(folder.resolve("injector"), first, "");
    namespace("agents", "exeat.io/inject", "enabled");
    namespace(
        "strict", "exeat.io/inject", "enabled", "pod-security.kubernetes.io/enforce", "restricted");
    namespace("others");
    for (String document : documents("all-in-one.yaml")) {
      applied(document, "");
    }
    // What the tests change: nobody routes to Services here.
    ObjectNode client = JSON.createObjectNode();
    client.put("url", "https://127.0.0.1:" + injector.port() + "/inject");
    client.put(
        "caBundle",
        Base64.getEncoder()
            .encodeToString(
                (Files.readString(first.certificate()) + Files.readString(second.certificate()))
                    .getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    ArrayNode patch = JSON.createArrayNode();
    patch
        .addObject()
        .put("op", "replace")
        .put("path", "/webhooks/0/clientConfig")
        .set("value", client);
    // And how long it waits: a slow machine is no lost pod.
    patch
        .addObject()
        .put("op", "replace")
        .put("path", "/webhooks/0/timeoutSeconds")
        .put("value", 30);
    done(kubernetes.patch(WEBHOOK, "application/json-patch+json", patch.toString()));
    // In force a moment after it is stored.
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> dryRun("agents", pod()).path("spec").has("initContainers"));
  }

  @AfterAll
  static void stop() {
    if (injector != null) {
      injector.close();
    }
    if (kubernetes != null) {
      kubernetes.close();
    }
  }

  private static void namespace(String name, String... labels) {
    ObjectNode namespace = JSON.createObjectNode();
    ObjectNode metadata = namespace.putObject("metadata").put("name", name);
    ObjectNode map = metadata.putObject("labels");
    for (int i = 0; i < labels.length; i += 2) {
      map.put(labels[i], labels[i + 1]);
    }
    done(kubernetes.create("/api/v1/namespaces", namespace));
    ObjectNode account = JSON.createObjectNode();
    account.putObject("metadata").put("name", "app");
    done(kubernetes.create("/api/v1/namespaces/" + name + "/serviceaccounts", account));
  }

  private static List<String> documents(String file) throws IOException {
    return Manifests.documents(
        Files.readString(Packaged.root().resolve("deploy/kubernetes").resolve(file)));
  }

  private static void applied(String document, String options) {
    done(Manifests.apply(kubernetes, document, options));
  }

  private static Said done(Said said) {
    assertThat(said.done()).as("%s %s", said.status(), said.message()).isTrue();
    return said;
  }

  private static ObjectNode pod() {
    try {
      ObjectNode pod =
          (ObjectNode)
              JSON.readTree(
                  """
                  {"apiVersion": "v1", "kind": "Pod",
                   "metadata": {"labels": {"exeat.io/agent": "billing"}},
                   "spec": {"serviceAccountName": "app", "containers": [
                     {"name": "main", "image": "app:1", "securityContext": {"runAsUser": 10001}}]}}\
                  """);
      pod.withObject("/metadata").put("name", "p" + NUMBERS.incrementAndGet());
      return pod;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static JsonNode dryRun(String namespace, ObjectNode pod) {
    return kubernetes.create(PODS.formatted(namespace) + "?dryRun=All", pod).body();
  }

  private static Said create(String namespace, ObjectNode pod) {
    return kubernetes.create(PODS.formatted(namespace), pod);
  }

  /** All one thing to the API server: nothing of it is stored. */
  @ParameterizedTest
  @CsvSource({"relayed, StatefulSet", "node, DaemonSet"})
  void theOtherFormsAreTakenToo(String form, String kind) throws IOException {
    List<String> all = documents(form + ".yaml");
    assertThat(all).anyMatch(it -> it.contains("\nkind: " + kind + "\n"));
    for (String document : all) {
      // The same in both forms, and here with a url in its place.
      if (!document.contains("\nkind: MutatingWebhookConfiguration\n")) {
        applied(document, "&dryRun=All");
      }
    }
  }

  /** Of the brokers' forms the one that is in none of the files. */
  @Test
  void relayedToABrokerOnEachNodeIsTakenToo() throws Exception {
    Helm helm = Helm.in(Files.createDirectories(folder.resolve("helm")));
    List<String> all =
        Manifests.documents(
            helm.template(
                "--namespace",
                "exeat",
                "--values",
                Packaged.root().resolve("deploy/kubernetes/relayed.values.yaml").toString(),
                "--set",
                "broker.kind=DaemonSet"));
    assertThat(all).anyMatch(it -> it.contains("\nkind: DaemonSet\n"));
    for (String document : all) {
      if (!document.contains("\nkind: MutatingWebhookConfiguration\n")) {
        applied(document, "&dryRun=All");
      }
    }
  }

  /** Everything of it that a bare API server knows; cert-manager's kinds it does not. */
  @ParameterizedTest
  @CsvSource({"agents, 4", "openbao, 6", "postgres, 6"})
  void theExampleIsTakenToo(String file, int number) throws IOException {
    List<String> all = documents("../examples/planner-and-worker/" + file + ".yaml");
    assertThat(all).hasSize(number);
    for (String document : all) {
      // What the others are tried in and as.
      boolean first =
          document.contains("\nkind: Namespace\n") || document.contains("\nkind: ServiceAccount\n");
      Said said = done(Manifests.apply(kubernetes, document, first ? "" : "&dryRun=All"));
      if (said.body().path("kind").asText().equals("StatefulSet")) {
        // Its namespace enforces Pod Security `restricted`, and nobody hardens it.
        ObjectNode pod = said.body().at("/spec/template").deepCopy();
        pod.withObject("/metadata").put("name", file + "-0");
        // As the controller does it for the claim's template.
        pod.withArray("/spec/volumes")
            .addObject()
            .put("name", "data")
            .putObject("persistentVolumeClaim")
            .put("claimName", "data-" + file + "-0");
        done(
            kubernetes.create(
                PODS.formatted(said.body().at("/metadata/namespace").asText()) + "?dryRun=All",
                pod));
      }
    }
  }

  @Test
  void aLabelledPodComesBackWithItsSidecar() {
    JsonNode spec = done(create("agents", pod())).body().path("spec");

    JsonNode sidecar = spec.at("/initContainers/0");
    assertThat(sidecar.path("name").asText()).isEqualTo("exeat");
    assertThat(sidecar.path("restartPolicy").asText()).isEqualTo("Always");
    assertThat(sidecar.path("env").toString())
        .contains("spiffe://example.org/ns/agents/sa/app/broker/billing")
        .contains("spiffe://example.org/ns/agents/sa/app/agent/billing");
    // The API server's own token volume, which came before the webhook, is gone.
    assertThat(spec.toString()).doesNotContain("serviceaccount", "kube-api-access");
    assertThat(names(spec.at("/containers/0/volumeMounts")))
        .containsExactly("exeat-agent-0", "exeat-files-0");
  }

  @Test
  void otherPodsAreLeftAlone() {
    ObjectNode noLabel = pod();
    noLabel.withObject("/metadata").remove("labels");
    assertThat(done(create("agents", noLabel)).body().at("/spec/initContainers").size()).isZero();
    assertThat(done(create("others", pod())).body().at("/spec/initContainers").size()).isZero();
  }

  /** As their controllers do it: the template's pod, with a generated name and an owner. */
  @ParameterizedTest
  @CsvSource({
    "agents, apps/v1, Deployment, ReplicaSet, deployments",
    "agents, batch/v1, Job, Job, jobs",
    "others, apps/v1, Deployment, ReplicaSet, deployments",
    "others, batch/v1, Job, Job, jobs"
  })
  void templatesArePodsWhenTheyAreMade(
      String namespace, String group, String kind, String owner, String plural) {
    ObjectNode object = JSON.createObjectNode().put("apiVersion", group).put("kind", kind);
    object.putObject("metadata").put("name", "t" + NUMBERS.incrementAndGet());
    ObjectNode spec = object.putObject("spec");
    ObjectNode template = pod();
    template.withObject("/metadata").remove("name");
    if (kind.equals("Job")) {
      template.withObject("/spec").put("restartPolicy", "Never");
    } else {
      spec.putObject("selector").putObject("matchLabels").put("exeat.io/agent", "billing");
    }
    spec.putObject("template")
        .<ObjectNode>set("metadata", template.get("metadata"))
        .set("spec", template.get("spec"));
    JsonNode stored =
        done(kubernetes.create(
                "/apis/" + group + "/namespaces/" + namespace + "/" + plural, object))
            .body();
    assertThat(stored.at("/spec/template/spec/initContainers").size()).isZero();

    ObjectNode pod = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "Pod");
    pod.set("metadata", stored.at("/spec/template/metadata").deepCopy());
    pod.set("spec", stored.at("/spec/template/spec").deepCopy());
    ObjectNode metadata = pod.withObject("/metadata");
    metadata.put("generateName", "made-");
    metadata
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", group)
        .put("kind", owner)
        .put("name", stored.at("/metadata/name").asText())
        .put("uid", stored.at("/metadata/uid").asText());
    JsonNode made = done(create(namespace, pod)).body();

    assertThat(made.at("/spec/initContainers/0/name").asText())
        .isEqualTo(namespace.equals("agents") ? "exeat" : "");
    assertThat(made.at("/spec/restartPolicy").asText())
        .isEqualTo(kind.equals("Job") ? "Never" : "Always");
  }

  @Test
  void podSecurityRestrictedAcceptsWhatTheWebhookMakes() {
    assertThat(done(create("strict", pod())).body().at("/spec/initContainers/0/name").asText())
        .isEqualTo("exeat");
  }

  /** The plain pod itself would be refused there: the webhook hardened it. */
  @Test
  void podSecurityRestrictedRefusesThePlainPod() {
    ObjectNode plain = pod();
    plain.withObject("/metadata").remove("labels");

    Said said = create("strict", plain);

    assertThat(said.status()).isEqualTo(403);
    assertThat(said.message()).contains("PodSecurity");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/spec | hostPID | true | hostPID",
        "/spec | hostNetwork | true | hostNetwork",
        "/spec | shareProcessNamespace | true | shareProcessNamespace",
        "/spec | automountServiceAccountToken | true | service-account token",
        "/spec | volumes | [{\"name\": \"h\", \"hostPath\": {\"path\": \"/run/spire\"}}] |"
            + " hostPath",
        "/metadata | annotations | {\"exeat.io/log-level\": \"loud\"} | one of error, warn, info,"
            + " debug",
        "/metadata | annotations | {\"exeat.io/agent-uid\": \"$(id)\"} | exeat.io/agent-uid",
        "/metadata | annotations | {\"exeat.io/no-such\": \"1\"} | there are exeat.io/containers",
        "/spec/containers/0 | securityContext | {} | the agent's uid is not known",
        "/spec/containers/0 | securityContext | {\"runAsUser\": 64001} | the sidecar's",
      })
  void aRefusalReachesWhoeverCreatesThePod(String at, String field, String value, String why)
      throws IOException {
    ObjectNode pod = pod();
    pod.withObject(at).set(field, JSON.readTree(value));

    Said said = create("agents", pod);

    assertThat(said.status()).isEqualTo(422);
    assertThat(said.message()).contains("inject.exeat.io").contains(why);
  }

  /** The policy alone, in a namespace that it is bound to; the webhook is out of the way. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      textBlock =
          """
          {"/spec/initContainers": []} | needs the sidecar
          {"/spec/initContainers/0/image": "registry.example.org/exeat.evil:1"} | the sidecar's image
          {"/spec/initContainers/0/": {"name": "early", "image": "i:1"}} | the first of the init
          {"/spec/hostPID": true} | hostPID
          {"/spec/hostNetwork": true} | hostNetwork
          {"/spec/hostIPC": true} | hostIPC
          {"/spec/shareProcessNamespace": true} | shareProcessNamespace
          {"/spec/automountServiceAccountToken": true} | automountServiceAccountToken
          {"/spec/volumes/0/": {"name": "h", "hostPath": {"path": "/run/spire"}}} | no hostPath
          {"/spec/containers/2/securityContext": {"privileged": true}} | privileged
          {"/spec/containers/2/securityContext": {"allowPrivilegeEscalation": true}} | privileged
          {"/spec/containers/2/securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}} | capabilities
          {"/spec/initContainers/1": {"name": "i", "image": "i:1", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}} | capabilities
          {"/spec/containers/0/securityContext/runAsUser": 64001} | the sidecar's uid
          {"/spec/securityContext/runAsUser": 64001} | the sidecar's uid
          {"/spec/initContainers/1": {"name": "i", "image": "i:1", "securityContext": {"runAsUser": 64001}}} | the sidecar's uid
          {"/spec/containers/0/securityContext": {"runAsUser": 0}} | not root's
          {"/spec/containers/1/securityContext": {}} | a known uid
          {"/spec/containers/0/volumeMounts/0/": {"name": "exeat-spiffe", "mountPath": "/s"}} | SPIFFE Workload API
          {"/spec/containers/2/volumeMounts": [{"name": "exeat-spiffe", "mountPath": "/s"}]} | SPIFFE Workload API
          {"/spec/containers/0/volumeMounts/0/": {"name": "exeat-admin", "mountPath": "/s"}} | its own volumes
          {"/spec/containers/0/volumeMounts/0/": {"name": "exeat-agent-1", "mountPath": "/s", "readOnly": true}} | its own socket
          {"/spec/containers/0/volumeMounts/0/": {"name": "exeat-agent-0", "mountPath": "/s"}} | its own socket, read-only
          {"/spec/containers/2/volumeMounts": [{"name": "exeat-agent-1", "mountPath": "/s", "readOnly": true}]} | its own socket
          {"/spec/containers/0/volumeMounts/0/": {"name": "exeat-files-1", "mountPath": "/s"}} | its own socket, read-only, and files
          {"/spec/containers/2/volumeMounts": [{"name": "exeat-files-1", "mountPath": "/s"}]} | and files
          {"/spec/initContainers/1": {"name": "i", "image": "i:1", "volumeMounts": [{"name": "exeat-agent-0", "mountPath": "/s", "readOnly": true}]}} | its own socket
          {"/spec/volumes/0/": {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}, "/spec/containers/1/volumeMounts/0/": {"name": "t", "mountPath": "/t"}} | service-account token
          """)
  void thePolicyHoldsWithoutTheWebhook(String changes, String why) throws IOException {
    JsonNode made = dryRun("agents", crowd());
    ObjectNode pod = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "Pod");
    pod.putObject("metadata")
        .put("name", "p" + NUMBERS.incrementAndGet())
        .<ObjectNode>set("labels", made.at("/metadata/labels"))
        .set("annotations", made.at("/metadata/annotations"));
    pod.set("spec", made.get("spec").deepCopy());
    withoutTheWebhook(() -> {
      done(kubernetes.create(PODS.formatted("agents") + "?dryRun=All", pod));
      for (Map.Entry<String, JsonNode> change : JSON.readTree(changes).properties()) {
        set(pod, JsonPointer.compile(change.getKey()), change.getValue());
      }

      Said said = create("agents", pod);

      assertThat(said.status()).isEqualTo(422);
      assertThat(said.message()).contains("exeat-agents").contains(why);
      return null;
    });
  }

  /** At {@code /a/0/} of an array before what is there, at {@code /a/0} in its place. */
  private static void set(ObjectNode pod, JsonPointer at, JsonNode value) {
    boolean before = at.last().getMatchingProperty().isEmpty();
    JsonPointer where = before ? at.head() : at;
    String last = where.last().getMatchingProperty();
    if (!(pod.at(where.head()) instanceof ArrayNode array)) {
      pod.withObject(where.head()).set(last, value);
    } else if (before || array.size() == Integer.parseInt(last)) {
      array.insert(Integer.parseInt(last), value);
    } else {
      array.set(Integer.parseInt(last), value);
    }
  }

  /** Two containers that are the agent, and one that is not and leaves its uid to the pod. */
  private static ObjectNode crowd() {
    ObjectNode pod = pod();
    pod.withObject("/metadata/annotations").put("exeat.io/containers", "main,second");
    ArrayNode containers = pod.withArray("/spec/containers");
    containers.add(containers.get(0).<ObjectNode>deepCopy().put("name", "second"));
    containers.addObject().put("name", "helper").put("image", "helper:1");
    return pod;
  }

  private static void withoutTheWebhook(Callable<?> body) throws IOException {
    JsonNode before = kubernetes.get(WEBHOOK).body().at("/webhooks/0/objectSelector");
    select("{\"matchLabels\": {\"nobody\": \"has-it\"}}", false);
    try {
      body.call();
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    } finally {
      select(before.toString(), true);
    }
  }

  private static void select(String selector, boolean injects) throws IOException {
    ArrayNode patch = JSON.createArrayNode();
    patch
        .addObject()
        .put("op", "replace")
        .put("path", "/webhooks/0/objectSelector")
        .set("value", JSON.readTree(selector));
    done(kubernetes.patch(WEBHOOK, "application/json-patch+json", patch.toString()));
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() ->
            kubernetes.create(PODS.formatted("agents") + "?dryRun=All", pod()).done() == injects);
  }

  @Test
  void whatRunsIsNotChangedAndADebuggerStaysAway() {
    JsonNode made = done(create("agents", pod())).body();
    String path = PODS.formatted("agents") + "/" + made.at("/metadata/name").asText();

    Said other =
        kubernetes.patch(
            path,
            "application/merge-patch+json",
            "{\"metadata\": {\"labels\": {\"exeat.io/agent\": \"admin\"}}}");
    assertThat(other.status()).isEqualTo(422);
    assertThat(other.message()).contains("cannot be changed");

    // Nor be taken off: what was an agent is looked at too.
    Said none =
        kubernetes.patch(
            path,
            "application/merge-patch+json",
            "{\"metadata\": {\"labels\": {\"exeat.io/agent\": null}}}");
    assertThat(none.status()).isEqualTo(422);
    assertThat(none.message()).contains("cannot be changed");

    Said image =
        kubernetes.patch(
            path,
            "application/strategic-merge-patch+json",
            "{\"spec\": {\"initContainers\": [{\"name\": \"exeat\","
                + " \"image\": \"registry.example.org/exeat:old\"}]}}");
    assertThat(image.status()).isEqualTo(422);
    assertThat(image.message()).contains("the sidecar's image cannot be changed");

    Said debug =
        kubernetes.patch(
            path + "/ephemeralcontainers",
            "application/strategic-merge-patch+json",
            "{\"spec\": {\"ephemeralContainers\": [{\"name\": \"d\", \"image\": \"i\","
                + " \"targetContainerName\": \"exeat\"}]}}");
    assertThat(debug.status()).isEqualTo(422);
    assertThat(debug.message()).contains("the sidecar as its target");
    done(
        kubernetes.patch(
            path + "/ephemeralcontainers",
            "application/strategic-merge-patch+json",
            "{\"spec\": {\"ephemeralContainers\": [{\"name\": \"d\", \"image\": \"i\","
                + " \"targetContainerName\": \"main\"}]}}"));
  }

  /**
   * A Job's pod ends when its finalizer is taken off, which is an update like any other: also of
   * one that could not be made here now.
   */
  @ParameterizedTest
  @ValueSource(strings = {"from before the label", "with the image of before"})
  void whatIsThereMayEnd(String which) {
    ObjectNode pod = pod();
    pod.withObject("/metadata").withArray("finalizers").add("example.org/held");
    if (which.endsWith("label")) {
      pod.withObject("/spec").put("hostNetwork", true);
      pod.withObject("/spec/containers/0/securityContext")
          .put("privileged", true)
          .put("runAsUser", 0);
    } else {
      JsonNode made = dryRun("agents", pod);
      pod.set("spec", made.get("spec").deepCopy());
      pod.withObject("/metadata").set("annotations", made.at("/metadata/annotations"));
      pod.withObject("/spec/initContainers/0").put("image", "registry.example.org/before:1");
    }
    String namespace = "later" + NUMBERS.incrementAndGet();
    namespace(namespace);
    String path =
        PODS.formatted(namespace)
            + "/"
            + done(create(namespace, pod)).body().at("/metadata/name").asText();
    String merge = "application/merge-patch+json";
    done(
        kubernetes.patch(
            "/api/v1/namespaces/" + namespace,
            merge,
            "{\"metadata\": {\"labels\": {\"exeat.io/inject\": \"enabled\"}}}"));
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> dryRun(namespace, pod()).path("spec").has("initContainers"));
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() ->
            assertThat(
                    kubernetes
                        .patch(
                            path,
                            merge,
                            "{\"metadata\": {\"labels\": {\"exeat.io/agent\": \"admin\"}}}")
                        .message())
                .contains("cannot be changed"));

    done(kubernetes.patch(path, merge, "{\"metadata\": {\"finalizers\": null}}"));
    Said debugger =
        kubernetes.patch(
            path + "/ephemeralcontainers",
            "application/strategic-merge-patch+json",
            "{\"spec\": {\"ephemeralContainers\": [{\"name\": \"d\", \"image\": \"i\","
                + " \"securityContext\": {\"privileged\": true}}]}}");
    assertThat(debugger.status()).isEqualTo(422);
    assertThat(debugger.message()).contains("privileged");
  }

  /** What is labelled there by mistake can start while no injector runs: the injector itself. */
  @Test
  void theOwnNamespaceIsLeftAlone() {
    ObjectNode account = JSON.createObjectNode();
    account.putObject("metadata").put("name", "app");
    done(kubernetes.create("/api/v1/namespaces/exeat/serviceaccounts", account));
    String label = "{\"metadata\": {\"labels\": {\"exeat.io/inject\": %s}}}";
    String merge = "application/merge-patch+json";
    done(kubernetes.patch("/api/v1/namespaces/exeat", merge, label.formatted("\"enabled\"")));
    injector.kill();
    try {
      ObjectNode pod = pod();
      pod.withObject("/spec/securityContext")
          .put("runAsNonRoot", true)
          .putObject("seccompProfile")
          .put("type", "RuntimeDefault");
      pod.withObject("/spec/containers/0/securityContext")
          .put("allowPrivilegeEscalation", false)
          .putObject("capabilities")
          .putArray("drop")
          .add("ALL");

      JsonNode made = done(create("exeat", pod)).body();

      assertThat(made.at("/spec/initContainers").size()).isZero();
    } finally {
      injector.again();
      done(kubernetes.patch("/api/v1/namespaces/exeat", merge, label.formatted("null")));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      textBlock =
          """
          "targetContainerName": "exeat" | the sidecar as its target
          "securityContext": {"runAsUser": 64001} | the sidecar's uid
          "securityContext": {"privileged": true} | privileged
          "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}} | capabilities
          "volumeMounts": [{"name": "exeat-spiffe", "mountPath": "/s"}] | SPIFFE Workload API
          "volumeMounts": [{"name": "exeat-state", "mountPath": "/s"}] | its own volumes
          "volumeMounts": [{"name": "exeat-agent-0", "mountPath": "/s", "readOnly": true}] | its own socket
          """)
  void thePolicyAloneKeepsDebuggersAway(String words, String why) throws IOException {
    JsonNode made = done(create("agents", pod())).body();
    String path =
        PODS.formatted("agents")
            + "/"
            + made.at("/metadata/name").asText()
            + "/ephemeralcontainers";
    String debugger =
        "{\"spec\": {\"ephemeralContainers\": [{\"name\": \"d\", \"image\": \"i\"%s}]}}";
    withoutTheWebhook(() -> {
      Said said =
          kubernetes.patch(
              path, "application/strategic-merge-patch+json", debugger.formatted(", " + words));

      assertThat(said.status()).isEqualTo(422);
      assertThat(said.message()).contains("exeat-agents").contains(why);
      done(
          kubernetes.patch(path, "application/strategic-merge-patch+json", debugger.formatted("")));
      return null;
    });
  }

  /** Asked before ours, which then sees what it has added, and after ours, which is asked again. */
  @ParameterizedTest
  @ValueSource(strings = {"aaa-mesh", "zzz-mesh"})
  void besideAnotherInjectorTheAgentAloneHasASocket(String name) throws Exception {
    withAnother(
        name,
        () -> {
          ObjectNode pod = inTheMesh("none");
          pod.withObject("/metadata/annotations").put("exeat.io/containers", "main");

          JsonNode made = done(create("agents", pod)).body();

          JsonNode spec = made.path("spec");
          assertThat(names(spec.path("initContainers"))).containsExactly("exeat", "mesh-init");
          assertThat(names(spec.path("containers"))).containsExactly("main", "mesh-proxy");
          assertThat(names(spec.at("/containers/0/volumeMounts")))
              .containsExactly("exeat-agent-0", "exeat-files-0");
          assertThat(spec.at("/containers/1/volumeMounts").size()).isZero();
          assertThat(spec.at("/containers/1/env").size()).isZero();
          assertThat(spec.at("/initContainers/1/volumeMounts").size()).isZero();
          assertThat(spec.at("/containers/1/securityContext/runAsUser").asInt()).isEqualTo(1337);
          assertThat(names(spec.path("volumes"))).doesNotHaveDuplicates();
          assertThat(spec.toString()).doesNotContain("kube-api-access");
          return null;
        });
  }

  /** Ours writes down which containers are the agent before another one comes; else it asks. */
  @Test
  void whichContainerIsTheAgentIsSaidWhenAnotherInjectorComesFirst() throws Exception {
    withAnother(
        "zzz-mesh",
        () -> {
          JsonNode made = done(create("agents", inTheMesh("none"))).body();
          assertThat(made.at("/metadata/annotations/exeat.io~1containers").asText())
              .isEqualTo("main");
          return null;
        });
    withAnother(
        "aaa-mesh",
        () -> {
          Said said = create("agents", inTheMesh("none"));
          assertThat(said.status()).isEqualTo(422);
          assertThat(said.message()).contains("exeat.io/containers").contains("main,mesh-proxy");
          return null;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"aaa-mesh", "zzz-mesh"})
  void aMeshThatWantsTheNetworksCapabilitiesIsRefused(String name) throws Exception {
    withAnother(
        name,
        () -> {
          ObjectNode pod = inTheMesh("NET_ADMIN");
          pod.withObject("/metadata/annotations").put("exeat.io/containers", "main");

          Said said = create("agents", pod);

          assertThat(said.status()).isEqualTo(422);
          assertThat(said.message()).contains("mesh-init", "adds the capability", "NET_ADMIN");
          return null;
        });
  }

  private static ObjectNode inTheMesh(String capability) {
    ObjectNode pod = pod();
    pod.withObject("/metadata/labels").put(OtherInjector.LABEL, capability);
    return pod;
  }

  private static List<String> names(JsonNode array) {
    List<String> names = new ArrayList<>();
    array.forEach(it -> names.add(it.path("name").asText()));
    return names;
  }

  private static void withAnother(String name, Callable<?> body) throws Exception {
    try (OtherInjector other = OtherInjector.start(first)) {
      done(kubernetes.create(CONFIGURATIONS, other.configuration(name)));
      try {
        awaitOther(true);
        body.call();
      } finally {
        done(kubernetes.delete(CONFIGURATIONS + "/" + name));
        awaitOther(false);
      }
    }
  }

  private static void awaitOther(boolean there) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() ->
            there
                == names(dryRun("others", inTheMesh("none")).at("/spec/containers"))
                    .contains("mesh-proxy"));
  }

  @Test
  void aDeadInjectorKeepsAgentsOutAndNobodyElse() {
    injector.kill();
    try {
      Said said = create("agents", pod());
      assertThat(said.status()).isEqualTo(500);
      assertThat(said.message()).contains("failed calling webhook", "inject.exeat.io");
      ObjectNode noLabel = pod();
      noLabel.withObject("/metadata").remove("labels");
      done(create("agents", noLabel));
      done(create("others", pod()));
    } finally {
      injector.again();
    }
    done(create("agents", pod()));
  }

  @Test
  void certificatesRotateUnderLoadAndNoPodIsLost() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger made = new AtomicInteger();
    try (var load = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> callers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        callers.add(
            load.submit(() -> {
              while (!stop.get()) {
                done(kubernetes.create(PODS.formatted("agents") + "?dryRun=All", pod()));
                made.incrementAndGet();
              }
            }));
      }
      for (TestCertificate next : List.of(second, first, second, first)) {
        int before = made.get();
        injector.rotate(next);
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> made.get() > before + 40 || callers.stream().anyMatch(Future::isDone));
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1500));
      }
      stop.set(true);
      for (Future<?> caller : callers) {
        caller.get();
      }
    }
    assertThat(made.get()).isGreaterThan(160);
    assertThat(injector.log().split("Serving with a certificate", -1)).hasSizeGreaterThan(5);
  }

  /**
   * Reported; judged is the best of three, since what else runs on this machine takes part in each.
   */
  @Test
  @EnabledIfSystemProperty(named = "exeat.long", matches = "true")
  void admissionAt200PodsASecond() throws Exception {
    System.err.printf("A new injector's first 600: %s%n", measure("agents", 600, 200));
    measure("others", 1_000, 200);
    measure("agents", 1_000, 200);
    List<Load> injected = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      System.err.printf("Left alone: %s%n", measure("others", 2_000, 200));
      injected.add(measure("agents", 2_000, 200));
      System.err.printf("Injected: %s%n", injected.getLast());
    }
    assertThat(injected)
        .allSatisfy(load -> {
          assertThat(load.sorted()).hasSize(2_000);
          assertThat(load.webhook().count()).isEqualTo(2_000);
          assertThat(load.mutating()).containsKeys(0.5, 0.99);
        })
        .anySatisfy(load -> assertThat(load.mutating().get(0.99)).isLessThanOrEqualTo(0.050));
  }

  /**
   * Sent evenly and dry, without waiting for answers; the times are from when each was due.
   *
   * @param mutating seconds that the mutating part of admission took, by quantile, by the API
   *     server's own account: the webhook and the plug-ins beside it
   * @param validating the same of the validating part, which is the policy's
   * @param webhook the calls of the webhook, by the API server's account too, which is a coarse one
   */
  private record Load(
      List<Long> sorted,
      Duration server,
      Duration injector,
      Duration all,
      Map<Double, Double> mutating,
      Map<Double, Double> validating,
      Histogram webhook,
      double machine) {
    private double at(double part) {
      return sorted.get((int) (sorted.size() * part)) / 1e6;
    }

    @Override
    public String toString() {
      return """
      mutating admission, by the API server: %s
        validating: %s
        the webhook alone: %s
        the whole creation, seen by its client: p50 %.1f ms, p99 %.1f ms
        processor for one pod: API server %.2f ms, injector %.2f ms, test %.2f ms; load of the machine %.1f\
      """
          .formatted(
              quantiles(mutating),
              quantiles(validating),
              webhook,
              at(0.5),
              at(0.99),
              server.toNanos() / 1e6 / sorted.size(),
              injector.toNanos() / 1e6 / sorted.size(),
              all.toNanos() / 1e6 / sorted.size(),
              machine);
    }

    private static String quantiles(Map<Double, Double> of) {
      List<String> said = new ArrayList<>();
      of.forEach((part, seconds) -> said.add("p%.0f %.1f ms".formatted(part * 100, seconds * 1e3)));
      return String.join(", ", said);
    }
  }

  private static Load measure(String namespace, int pods, int perSecond) throws Exception {
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < pods; i++) {
      bodies.add(pod().toString());
    }
    String path = PODS.formatted(namespace) + "?dryRun=All";
    kubernetes.forget();
    Duration server = kubernetes.work();
    Duration ofInjector = injector.work();
    Duration own = own();
    List<Long> took = Collections.synchronizedList(new ArrayList<>());
    try (var load = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      long begin = System.nanoTime();
      for (int i = 0; i < pods; i++) {
        long due = begin + i * TimeUnit.SECONDS.toNanos(1) / perSecond;
        String body = bodies.get(i);
        LockSupport.parkNanos(due - System.nanoTime());
        all.add(
            load.submit(() -> {
              assertThat(kubernetes.post(path, body)).isEqualTo(201);
              took.add(System.nanoTime() - due);
            }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
    List<Long> sorted = new ArrayList<>(took);
    Collections.sort(sorted);
    Duration ofServer = kubernetes.work().minus(server);
    String metrics = kubernetes.text("/metrics");
    return new Load(
        sorted,
        ofServer,
        injector.work().minus(ofInjector),
        own().minus(own),
        step("admit", metrics),
        step("validate", metrics),
        webhook(metrics),
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
  }

  private static Duration own() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow();
  }

  /**
   * Quantiles of {@code apiserver_admission_step_admission_duration_seconds_summary}, which are
   * exact to a thousandth of all at the 99th: the histogram beside it has no bucket between 25 and
   * 100 ms.
   */
  private static Map<Double, Double> step(String type, String metrics) {
    Map<Double, Double> quantiles = new TreeMap<>();
    Matcher line =
        Pattern.compile(
                "(?m)^apiserver_admission_step_admission_duration_seconds_summary"
                    + "\\{operation=\"CREATE\",rejected=\"false\",type=\""
                    + type
                    + "\",quantile=\"([0-9.]+)\"} (\\S+)$")
            .matcher(metrics);
    while (line.find()) {
      quantiles.put(Double.valueOf(line.group(1)), Double.valueOf(line.group(2)));
    }
    return quantiles;
  }

  /** The API server's own {@code apiserver_admission_webhook_admission_duration_seconds}. */
  private static Histogram webhook(String metrics) {
    Map<Double, Long> within = new TreeMap<>();
    Matcher line =
        Pattern.compile(
                "(?m)^apiserver_admission_webhook_admission_duration_seconds_bucket"
                    + "\\{name=\"inject.exeat.io\",.*le=\"([^\"]+)\"} (\\d+)$")
            .matcher(metrics);
    while (line.find()) {
      double most =
          line.group(1).equals("+Inf")
              ? Double.POSITIVE_INFINITY
              : Double.parseDouble(line.group(1));
      within.merge(most, Long.parseLong(line.group(2)), Long::sum);
    }
    return new Histogram(within);
  }

  /** How many took at most so many seconds, as Prometheus has it. */
  private record Histogram(Map<Double, Long> within) {
    private long count() {
      return within.getOrDefault(Double.POSITIVE_INFINITY, 0L);
    }

    @Override
    public String toString() {
      List<String> said = new ArrayList<>();
      for (Map.Entry<Double, Long> bucket : within.entrySet()) {
        said.add("%d within %.0f ms".formatted(bucket.getValue(), bucket.getKey() * 1e3));
        if (bucket.getValue() == count()) {
          break;
        }
      }
      return said.isEmpty() ? "not asked" : String.join(", ", said);
    }
  }
}
