package io.exeat.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullMarked
final class WebhookTest {
  private final Webhook webhook = Pods.webhook(Pods.HERE);

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | not a JSON object",
        "[] | not a JSON object",
        "{ | not JSON",
        "{\"a\": 1, \"a\": 2} | not JSON",
        "{} {} | not JSON",
        "{} | only AdmissionReview of admission.k8s.io/v1",
        "{\"kind\": \"AdmissionReview\", \"apiVersion\": \"admission.k8s.io/v1beta1\"} | v1beta1",
        "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"} | only AdmissionReview",
        "{\"kind\": \"AdmissionReview\", \"apiVersion\": \"admission.k8s.io/v1\"} | request.uid",
      })
  void whatIsNoReviewIsRefusedWithAReason(String body, String why) {
    Answer answer = webhook.answer(body.getBytes(UTF_8));

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).startsWith("exeat: ").contains(why);
  }

  /** It injects, all the way: a refusal would warm half of it. */
  @Test
  void itRehearsesWhatItDoes() throws IOException {
    Answer answer = webhook.rehearse();

    JsonNode response =
        new com.fasterxml.jackson.databind.ObjectMapper().readTree(answer.body()).path("response");
    assertThat(response.path("allowed").asBoolean()).isTrue();
    assertThat(response.path("patch").asText()).isNotEmpty();
  }

  @Test
  void depthIsBounded() {
    Answer answer = webhook.answer(("{\"a\":" + "[".repeat(200_000)).getBytes(UTF_8));

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).contains("not JSON that can be read");
  }

  @ParameterizedTest
  @CsvSource({"apps,v1,deployments,''", "'',v1,pods,exec", "'',v2,pods,''", "'',v1,secrets,''"})
  void onlyPodsAreLookedAt(String group, String version, String resource, String sub) {
    ObjectNode review = Pods.review(Pods.plain());
    ObjectNode request = (ObjectNode) review.get("request");
    request.put("subResource", sub);
    request
        .putObject("resource")
        .put("group", group)
        .put("version", version)
        .put("resource", resource);

    assertThat(webhook.answer(Pods.bytes(review)).status()).isEqualTo(400);
  }

  /** Such as no API server sends; every one of them is a refusal, none an exception. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/metadata",
        "/metadata/labels",
        "/metadata/annotations",
        "/spec",
        "/spec/containers/0",
        "/spec/containers/0/securityContext",
        "/spec/containers/0/env",
        "/spec/containers/0/volumeMounts",
        "/spec/securityContext",
        "/spec/initContainers",
        "/spec/volumes"
      })
  void aFieldOfAnotherTypeIsRefusedOrHarmless(String at) {
    for (String odd :
        new String[] {"1", "\"x\"", "null", "[[1]]", "true", "[null]", "{\"a\":[]}"}) {
      ObjectNode pod = Pods.plain();
      int slash = at.lastIndexOf('/');
      JsonNode parent = pod.at(at.substring(0, slash));
      JsonNode value = Pods.parse("{\"v\":" + odd + "}").get("v");
      if (parent instanceof ObjectNode object) {
        object.set(at.substring(slash + 1), value);
      } else {
        ((com.fasterxml.jackson.databind.node.ArrayNode) parent).set(0, value);
      }
      Answer answer = webhook.answer(Pods.bytes(Pods.review(pod)));

      assertThat(answer.status()).as("%s at %s", odd, at).isEqualTo(200);
    }
  }

  @Test
  void anAnswerRepeatsTheUidAndADenialIsAnInvalidPod() {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec").put("hostPID", true);
    JsonNode response = Pods.response(webhook.answer(Pods.bytes(Pods.review(pod))));

    assertThat(response.path("uid").asText()).isEqualTo("u-1");
    assertThat(response.path("allowed").asBoolean(true)).isFalse();
    assertThat(response.at("/status/code").asInt()).isEqualTo(422);
    assertThat(response.has("patch")).isFalse();
  }

  /** Nothing is remembered, so a dry run is like any other, and all answers are the same. */
  @Test
  void aDryRunIsAnsweredAsTheRealOne() {
    ObjectNode review = Pods.review(Pods.plain());
    String first = webhook.answer(Pods.bytes(review)).body();
    ((ObjectNode) review.get("request")).put("dryRun", true);

    assertThat(webhook.answer(Pods.bytes(review)).body()).isEqualTo(first);
  }

  @Test
  void theInjectorsOwnNamespaceIsLeftAlone() {
    ObjectNode review = Pods.review(Pods.plain());
    ((ObjectNode) review.get("request")).put("namespace", "exeat");
    JsonNode response = Pods.response(webhook.answer(Pods.bytes(review)));

    assertThat(response.path("allowed").asBoolean()).isTrue();
    assertThat(response.has("patch")).isFalse();
    assertThat(response.at("/warnings/0").asText()).contains("own namespace");
  }

  @Test
  void aShortGraceIsWarnedOf() {
    ObjectNode pod = Pods.plain();
    pod.withObject("/spec").put("terminationGracePeriodSeconds", 1);

    assertThat(
            Pods.response(webhook.answer(Pods.bytes(Pods.review(pod)))).at("/warnings/0").asText())
        .contains("terminationGracePeriodSeconds is 1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"name\": \"d\"} | ",
        "{\"name\": \"d\", \"targetContainerName\": \"main\"} | ",
        "{\"name\": \"d\", \"targetContainerName\": \"exeat\"} | the sidecar as its target",
        "{\"name\": \"d\", \"securityContext\": {\"privileged\": true}} | privileged",
        "{\"name\": \"d\", \"securityContext\": {\"runAsUser\": 64001}} | the sidecar's",
        "{\"name\": \"d\", \"volumeMounts\": [{\"name\": \"exeat-admin\", \"mountPath\": \"/a\"}]}"
            + " | mounts",
        "{\"name\": \"d\", \"volumeMounts\": [{\"name\": \"exeat-spiffe\", \"mountPath\": \"/a\"}]}"
            + " | mounts",
      })
  void aDebuggingContainerStaysAwayFromTheSidecar(
      String container, @org.jspecify.annotations.Nullable String why) {
    ObjectNode pod = Pods.injected(webhook, Pods.plain());
    pod.withObject("/spec").putArray("ephemeralContainers").add(Pods.parse(container));
    ObjectNode review = Pods.review(pod);
    ((ObjectNode) review.get("request"))
        .put("subResource", "ephemeralcontainers")
        .put("operation", "UPDATE");
    JsonNode response = Pods.response(webhook.answer(Pods.bytes(review)));

    assertThat(response.path("allowed").asBoolean()).isEqualTo(why == null);
    assertThat(response.has("patch")).isFalse();
    if (why != null) {
      assertThat(response.at("/status/message").asText()).contains(why);
    }
  }

  @Test
  void theDocumentedAnnotationsAreThese() throws IOException {
    assertThat(
            Files.readAllLines(Path.of("../docs/kubernetes.md")).stream()
                .filter(line -> line.startsWith("| `exeat.io/")))
        .containsExactlyElementsOf(
            Arrays.stream(Annotation.values()).map(Annotation::row).toList());
  }
}
