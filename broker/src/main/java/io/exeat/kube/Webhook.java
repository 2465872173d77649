package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Answers {@code AdmissionReview}s: the same request always gets the same answer, and nothing
 * happens besides, so that dry runs and re-invocations need no care.
 *
 * <p>Which pods come here is the webhook configuration's: those with the label {@code
 * exeat.io/agent} in namespaces with the label {@code exeat.io/inject: enabled}.
 */
public final class Webhook {
  private static final String TYPE = "application/json";
  private static final int PROOF_SECONDS = 8;

  /** As an API server sends it, in short. */
  static final String REHEARSAL =
      """
      {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "rehearsal", "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "exeat-rehearsal", "operation": "CREATE", "dryRun": true, "object": {
          "kind": "Pod", "apiVersion": "v1",
          "metadata": {"generateName": "a-", "labels": {"exeat.io/agent": "a"},
            "annotations": {"exeat.io/log-level": "warn"}, "managedFields": [
              {"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {"f:containers": {}}}}]},
          "spec": {"serviceAccountName": "a", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "volumes": [{"name": "kube-api-access-a", "projected": {"defaultMode": 420}}],
            "containers": [{"name": "a", "image": "a:1", "resources": {},
              "securityContext": {"runAsUser": 10001}, "volumeMounts": [{
                "name": "kube-api-access-a", "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}],
            "securityContext": {}, "tolerations": [{"key": "k", "tolerationSeconds": 300}]},
          "status": {}}}}
      """;

  static final int REHEARSALS = 500;

  private final InjectConfig config;

  public Webhook(InjectConfig config) {
    this.config = config;
  }

  /**
   * Answers a review of its own often enough that Java has compiled what answering takes, so that
   * the first pods do not wait for it. About a second of a processor.
   *
   * @return the last answer
   */
  public Answer rehearse() {
    byte[] body = REHEARSAL.getBytes(StandardCharsets.UTF_8);
    Answer last = answer(body);
    for (int i = 1; i < REHEARSALS; i++) {
      last = answer(body);
    }
    return last;
  }

  /** The answer to a POST of {@code body}; never throws for what is in it. */
  public Answer answer(byte[] body) {
    Request request;
    try {
      request = AdmissionReview.read(body);
    } catch (AdmissionReview.Malformed e) {
      return Answer.text(400, "exeat: " + e.getMessage());
    }
    String where = Shapes.shown(request.namespace());
    Problems problems = new Problems();
    try {
      if (request.subresource().equals("ephemeralcontainers")) {
        new Safety(config.sidecar(), problems).lookAtEphemeral(request.pod().path("spec"));
        return problems.isEmpty()
            ? allow(request, none(), List.of(), "allowed a debugging container in " + where)
            : deny(request, problems, where);
      }
      if (request.namespace().equals(config.ownNamespace())) {
        return allow(
            request,
            none(),
            List.of("exeat: nothing is injected in the injector's own namespace"),
            "left alone in the injector's own namespace");
      }
      if (!request.operation().equals("CREATE")) {
        return allow(request, none(), List.of(), "left alone in " + where);
      }
      Optional<ObjectNode> pod = Injection.inject(request, config.sidecar(), problems);
      return pod.isPresent()
          ? allow(
              request,
              JsonDiff.between(request.pod(), pod.get()),
              warnings(pod.get()),
              "injected in " + where)
          : deny(request, problems, where);
    } catch (UnsupportedOperationException | IllegalArgumentException e) {
      // Jackson's, for a field of another type: an API server sends none such.
      problems.add("the pod is not a v1 Pod: a field has another type");
      return deny(request, problems, where);
    }
  }

  private static List<String> warnings(JsonNode pod) {
    JsonNode grace = pod.path("spec").path("terminationGracePeriodSeconds");
    return grace.isIntegralNumber() && grace.asLong() < PROOF_SECONDS
        ? List.of(
            "exeat: terminationGracePeriodSeconds is %d; the sidecar takes up to %d s to prove that what it lent is dead"
                .formatted(grace.asLong(), PROOF_SECONDS))
        : List.of();
  }

  private static ArrayNode none() {
    return JsonNodeFactory.instance.arrayNode();
  }

  private static Answer allow(
      Request request, ArrayNode patch, List<String> warnings, String about) {
    return new Answer(200, TYPE, AdmissionReview.allow(request.uid(), patch, warnings), about);
  }

  private static Answer deny(Request request, Problems problems, String where) {
    return new Answer(
        200,
        TYPE,
        AdmissionReview.deny(request.uid(), problems.told()),
        "refused in " + where + ": " + problems.told());
  }
}
