package io.exeat.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullMarked
final class InjectionTest {
  private static final String SPIFFE_MOUNT = "exeat-spiffe";

  private final Webhook here = Pods.webhook(Pods.HERE);
  private final Webhook relayed = Pods.webhook(Pods.RELAYED);

  @Test
  void thePlainPodBecomesExactlyThis() throws IOException {
    assertThat(Pods.injected(here, Pods.plain())).isEqualTo(golden("all-in-one.json"));
  }

  @Test
  void aPodOfTwoAgentsThatRelaysBecomesExactlyThis() throws IOException {
    ObjectNode pod = Pods.plain();
    ((ArrayNode) pod.at("/spec/containers"))
        .add(Pods.parse("{\"name\": \"worker\", \"securityContext\": {\"runAsUser\": 10001}}"))
        .add(Pods.parse("{\"name\": \"proxy\", \"securityContext\": {\"runAsUser\": 1337}}"));
    annotate(pod, "exeat.io/containers", "worker,main");

    assertThat(Pods.injected(relayed, pod)).isEqualTo(golden("relayed.json"));
  }

  private static JsonNode golden(String name) throws IOException {
    try (InputStream in = InjectionTest.class.getResourceAsStream(name)) {
      return Pods.JSON.readTree(Objects.requireNonNull(in));
    }
  }

  /** As the API server calls again after another webhook has changed the pod. */
  @Test
  void twiceIsTheSameAsOnceForPodsOfAnyShape() {
    Random random = new Random(20_260_101);
    int injected = 0;
    for (int i = 0; i < 2_000; i++) {
      ObjectNode pod = RandomPods.next(random);
      Webhook webhook = random.nextBoolean() ? here : relayed;
      JsonNode response = Pods.response(webhook.answer(Pods.bytes(Pods.review(pod))));
      if (!response.path("allowed").asBoolean()) {
        assertThat(response.at("/status/message").asText()).startsWith("exeat: ");
        continue;
      }
      injected++;
      ObjectNode once = Pods.patched(pod, response);
      ObjectNode again = Pods.injected(webhook, once);
      assertThat(again).as("pod %s", pod).isEqualTo(once);
      holds(once, pod);
    }
    assertThat(injected).as("pods that were not refused").isBetween(500, 1_900);
  }

  /** What must be true of every injected pod, whatever it was before. */
  private static void holds(ObjectNode pod, ObjectNode before) {
    JsonNode spec = pod.get("spec");
    JsonNode sidecar = spec.at("/initContainers/0");
    assertThat(sidecar.get("name").asText()).isEqualTo("exeat");
    assertThat(sidecar.get("restartPolicy").asText()).isEqualTo("Always");
    assertThat(spec.get("automountServiceAccountToken").asBoolean()).isFalse();
    List<String> agents =
        List.of(pod.at("/metadata/annotations/exeat.io~1containers").asText().split(",", -1));
    for (JsonNode container : all(spec)) {
      boolean agent = agents.contains(container.get("name").asText());
      assertThat(volumesOf(container)).doesNotContain(SPIFFE_MOUNT, "exeat-admin", "exeat-state");
      assertThat(volumesOf(container).stream().filter(it -> it.startsWith("exeat-agent-")))
          .hasSize(agent ? 1 : 0);
      assertThat(volumesOf(container).stream().filter(it -> it.startsWith("exeat-files-")))
          .hasSize(agent ? 1 : 0);
      assertThat(mountPaths(container))
          .doesNotContain("/var/run/secrets/kubernetes.io/serviceaccount");
      if (agent) {
        JsonNode security = container.get("securityContext");
        assertThat(security.get("runAsUser").asInt()).isPositive().isNotEqualTo(64_001);
        assertThat(security.get("allowPrivilegeEscalation").asBoolean(true)).isFalse();
        assertThat(security.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
      }
    }
    // Nothing of the author's is lost: as many containers, and their images.
    assertThat(spec.get("containers").size()).isEqualTo(before.at("/spec/containers").size());
    for (int i = 0; i < spec.get("containers").size(); i++) {
      assertThat(spec.at("/containers/" + i + "/image"))
          .isEqualTo(before.at("/spec/containers/" + i + "/image"));
    }
  }

  private static List<JsonNode> all(JsonNode spec) {
    List<JsonNode> all = new ArrayList<>();
    spec.path("containers").forEach(all::add);
    spec.path("initContainers").forEach(all::add);
    all.removeIf(it -> it.get("name").asText().equals("exeat"));
    return all;
  }

  private static List<String> volumesOf(JsonNode container) {
    List<String> names = new ArrayList<>();
    container.path("volumeMounts").forEach(it -> names.add(it.path("name").asText()));
    return names;
  }

  private static List<String> mountPaths(JsonNode container) {
    List<String> paths = new ArrayList<>();
    container.path("volumeMounts").forEach(it -> paths.add(it.path("mountPath").asText()));
    return paths;
  }

  /** The ServiceAccount plug-in is faster than any webhook. */
  @Test
  void theTokenThatIsThereAlreadyIsTakenOut() {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec").putArray("volumes").addObject().put("name", "kube-api-access-x7x2z");
    ((ObjectNode) pod.at("/spec/containers/0"))
        .putArray("volumeMounts")
        .addObject()
        .put("name", "kube-api-access-x7x2z")
        .put("mountPath", "/var/run/secrets/kubernetes.io/serviceaccount");

    assertThat(Pods.injected(here, pod).toString()).doesNotContain("kube-api-access");
  }

  /** An author's sidecar, or a second injector's, is never taken for ours. */
  @Test
  void whatSomebodyPutThereInOurNameIsReplaced() {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec")
        .putArray("initContainers")
        .addObject()
        .put("name", "exeat")
        .put("image", "evil:1");
    ObjectNode volume = pod.withObject("/spec").putArray("volumes").addObject();
    volume.put("name", "exeat-state").putObject("emptyDir").put("medium", "Evil");

    ObjectNode after = Pods.injected(here, pod);

    assertThat(after).isEqualTo(Pods.injected(here, Pods.plain()));
    assertThat(after.toString()).doesNotContainIgnoringCase("evil");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "exeat.io/agent-uid | 0 | a whole number from 1",
        "exeat.io/agent-uid | 10001; rm -rf / | a whole number from 1",
        "exeat.io/agent-uid | 99999999999999999999 | a whole number from 1",
        "exeat.io/agent-uid | 64001 | runAsUser 10001",
        "exeat.io/containers | nobody | no container of the pod",
        "exeat.io/containers | main,main | named twice",
        "exeat.io/containers | ../../etc | 1 to 8 names",
        "exeat.io/config | ../secret | the name of a ConfigMap",
        "exeat.io/config | $(EXEAT_SPIFFE_ID) | the name of a ConfigMap",
        "exeat.io/state-size | 1Ti | a size in Mi or Gi",
        "exeat.io/memory-limit | 10Mi | a size from 192Mi",
        "exeat.io/cpu-request | 1000000 | millicores",
        "exeat.io/mcp | yes | true or false",
        "exeat.io/log-level | trace | one of error, warn, info, debug",
        "exeat.io/injected | \"}]; | the injector writes it",
        "exeat.io/agnet-uid | 1 | there are exeat.io/containers",
      })
  void aWrongAnnotationIsRefusedByNameWithWhatIsAllowed(
      String annotation, String value, String allowed) {
    ObjectNode pod = Pods.plain();
    annotate(pod, annotation, value);

    assertThat(Pods.refusal(here, pod)).contains(annotation).contains(allowed);
  }

  /** They are in the answer at most cut short and as plain letters. */
  @ParameterizedTest
  @ValueSource(strings = {"\u001b[2J", "\n- op: add", "\u202e\u2066", "{{.Values}}", "`id`"})
  void aHostileAnnotationReachesNothing(String value) {
    for (Annotation each : Annotation.values()) {
      ObjectNode pod = Pods.plain();
      annotate(pod, each.key(), value + "x".repeat(100_000));

      assertThat(Pods.refusal(here, pod))
          .contains(each.key())
          .hasSizeLessThan(500)
          .matches("[ -~]*");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/spec | hostPID | true | hostPID",
        "/spec | hostNetwork | true | hostNetwork",
        "/spec | hostIPC | true | hostIPC",
        "/spec | shareProcessNamespace | true | shareProcessNamespace",
        "/spec | automountServiceAccountToken | true | service-account token",
        "/spec | serviceAccountName | \"$(X)/../b\" | serviceAccountName",
        "/spec | os | {\"name\": \"windows\"} | windows",
        "/spec | volumes | [{\"name\": \"h\", \"hostPath\": {\"path\": \"/run/spire\"}}] |"
            + " hostPath",
        "/spec | securityContext | {\"seccompProfile\": {\"type\": \"Unconfined\"}} | Unconfined",
        "/spec | containers | [] | spec.containers is empty",
        "/spec | containers | \"x\" | spec.containers is empty",
        "/metadata/labels | exeat.io/agent | \"A b\" | the agent's name",
        "/metadata/annotations | kubernetes.io/config.mirror | \"x\" | static pod",
        "/spec/containers/0 | name | \"exeat\" | the name is the sidecar's",
        "/spec/containers/0 | securityContext | {\"runAsUser\": 0} | root",
        "/spec/containers/0 | securityContext | {\"runAsUser\": 64001} | the sidecar's",
        "/spec/containers/0 | securityContext | {} | the agent's uid is not known",
        "/spec/containers/0/securityContext | privileged | true | privileged",
        "/spec/containers/0/securityContext | allowPrivilegeEscalation | true | Escalation",
        "/spec/containers/0/securityContext | capabilities | {\"add\": [\"SYS_PTRACE\"]} |"
            + " SYS_PTRACE",
        "/spec/containers/0 | env | [{\"name\": \"EXEAT_SOCKET\", \"value\": \"/x\"}] |"
            + " EXEAT_SOCKET",
        "/spec/containers/0 | env | [{\"name\": \"EXEAT_FILES\", \"value\": \"/x\"}] |"
            + " EXEAT_FILES",
        "/spec/containers/0 | volumeMounts | [{\"name\": \"v\", \"mountPath\":"
            + " \"/run/exeat-files/a\"}] | what it is lent",
        "/spec/containers/0 | volumeMounts | [{\"name\": \"v\", \"mountPath\": \"/run/exeat\"}] |"
            + " mounts something",
        "/spec/containers/0 | volumeMounts | [{\"name\": \"exeat-state\", \"mountPath\": \"/s\"}] |"
            + " the injector's",
      })
  void whatReachesAroundTheSidecarIsRefused(String at, String field, String value, String why)
      throws IOException {
    ObjectNode pod = Pods.plain();
    pod.withObject(at).set(field, Pods.JSON.readTree(value));

    assertThat(Pods.refusal(here, pod)).contains(why);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"csi\": {\"driver\": \"csi.spiffe.io\"}}",
        "{\"projected\": {\"sources\": [{\"serviceAccountToken\": {\"path\": \"t\"}}]}}"
      })
  void anAgentMountsNoIdentity(String source) {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec").putArray("volumes").add(Pods.parse(source).put("name", "v"));
    ((ObjectNode) pod.at("/spec/containers/0"))
        .putArray("volumeMounts")
        .addObject()
        .put("name", "v")
        .put("mountPath", "/v");

    assertThat(Pods.refusal(here, pod)).contains("mounts 'v'", "only the sidecar");
  }

  @Test
  void whoIsTheAgentAmongSeveralMustBeSaid() {
    ObjectNode pod = Pods.plain();
    ((ArrayNode) pod.at("/spec/containers")).add(Pods.parse("{\"name\": \"proxy\"}"));

    assertThat(Pods.refusal(here, pod)).contains("exeat.io/containers", "main,proxy");
  }

  @Test
  void everyProblemIsToldAtOnce() {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec").put("hostPID", true);
    annotate(pod, "exeat.io/log-level", "loud");
    annotate(pod, "exeat.io/state-size", "huge");

    assertThat(Pods.refusal(here, pod)).contains("hostPID", "log-level", "state-size");
  }

  @ParameterizedTest
  @CsvSource({"config, mine", "mcp, true", "state-size, 1Gi"})
  void aRelayingPodHasNoConfigurationOfItsOwn(String annotation, String value) {
    ObjectNode pod = Pods.plain();
    annotate(pod, "exeat.io/" + annotation, value);

    assertThat(Pods.refusal(relayed, pod)).contains("exeat.io/" + annotation, "relay");
  }

  @Test
  void eachContainerThatIsTheAgentHasTheDoorForMcpThatItAsksFor() {
    ObjectNode pod = Pods.plain();
    ((ArrayNode) pod.at("/spec/containers"))
        .add(Pods.parse("{\"name\": \"worker\", \"securityContext\": {\"runAsUser\": 10001}}"))
        .add(Pods.parse("{\"name\": \"proxy\", \"securityContext\": {\"runAsUser\": 1337}}"));
    annotate(pod, "exeat.io/containers", "worker,main");
    annotate(pod, "exeat.io/mcp", "true");

    JsonNode spec = Pods.injected(here, pod).get("spec");

    assertThat(said(spec.at("/initContainers/0"), "EXEAT_MCP_"))
        .containsExactly(
            "EXEAT_MCP_PATH=/run/exeat/agents/0/door/mcp.sock",
            "EXEAT_MCP_MORE=/run/exeat/agents/1/door/mcp.sock");
    for (String agent : List.of("/containers/0", "/containers/1")) {
      assertThat(said(spec.at(agent), "EXEAT_MCP_"))
          .containsExactly("EXEAT_MCP_SOCKET=/run/exeat/door/mcp.sock");
    }
    assertThat(spec.at("/containers/2").has("env")).isFalse();
  }

  @Test
  void thereIsNoDoorForMcpThatNobodyAsksFor() {
    ObjectNode pod = Pods.plain();
    annotate(pod, "exeat.io/mcp", "false");

    assertThat(Pods.injected(here, pod).toString()).doesNotContain("EXEAT_MCP_");
  }

  private static List<String> said(JsonNode container, String prefix) {
    return StreamSupport.stream(container.path("env").spliterator(), false)
        .map(it -> it.get("name").asText() + "=" + it.get("value").asText())
        .filter(it -> it.startsWith(prefix))
        .toList();
  }

  static void annotate(ObjectNode pod, String annotation, String value) {
    pod.withObject("/metadata/annotations").put(annotation, value);
  }
}
