package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What would let an agent reach around its sidecar. The same is refused by the
 * ValidatingAdmissionPolicy in {@code deploy/kubernetes}, which looks once more when all injectors
 * are done.
 */
final class Safety {
  /** Allowed by Pod Security restricted; without a root user it does nothing else. */
  private static final String HARMLESS = "NET_BIND_SERVICE";

  private final SidecarPlan plan;
  private final Problems problems;

  Safety(SidecarPlan plan, Problems problems) {
    this.plan = plan;
    this.problems = problems;
  }

  /** The pod as its author wrote it: what is the injector's is not in it. */
  void look(JsonNode pod, List<String> agents) {
    JsonNode spec = pod.path("spec");
    for (String field : List.of("hostPID", "hostNetwork", "hostIPC", "shareProcessNamespace")) {
      if (spec.path(field).asBoolean()) {
        problems.add(
            "spec." + field + " is true: the agent would reach its sidecar around the socket");
      }
    }
    if (spec.path("automountServiceAccountToken").asBoolean()) {
      problems.add(
          "spec.automountServiceAccountToken is true: an agent gets no service-account token");
    }
    if (spec.path("os").path("name").asText().equals("windows")) {
      problems.add("spec.os.name is windows: there is no sidecar for it");
    }
    if (pod.path("metadata").path("annotations").has("kubernetes.io/config.mirror")) {
      problems.add("a static pod cannot be an agent: the kubelet starts it without the sidecar");
    }
    Set<String> forbidden = volumes(spec.path("volumes"), false);
    Set<String> notForAgents = volumes(spec.path("volumes"), true);
    for (String kind : List.of("containers", "initContainers")) {
      for (JsonNode container : spec.path(kind)) {
        String name = container.path("name").asText();
        boolean agent = kind.equals("containers") && agents.contains(name);
        container(container, spec, kind, agent ? notForAgents : forbidden);
      }
    }
  }

  /** Debugging containers, which join a pod that runs. */
  void lookAtEphemeral(JsonNode spec) {
    Set<String> forbidden = volumes(spec.path("volumes"), false);
    for (JsonNode volume : spec.path("volumes")) {
      if (Names.isOurs(volume.path("name").asText())) {
        forbidden.add(volume.path("name").asText());
      }
    }
    for (JsonNode container : spec.path("ephemeralContainers")) {
      container(container, spec, "ephemeralContainers", forbidden);
      if (container.path("targetContainerName").asText().equals(Names.SIDECAR)) {
        problems.add(
            "ephemeral container %s has the sidecar as its target: it would see its memory"
                .formatted(Shapes.shown(container.path("name").asText())));
      }
    }
  }

  private Set<String> volumes(JsonNode volumes, boolean ofAgent) {
    Set<String> forbidden = new HashSet<>();
    for (JsonNode volume : volumes) {
      String name = volume.path("name").asText();
      if (volume.has("hostPath")) {
        problems.add(
            "volume %s is a hostPath: sockets and files of other pods are behind it"
                .formatted(Shapes.shown(name)));
      }
      if (volume.path("csi").path("driver").asText().equals(plan.csiDriver())
          || (ofAgent && hasToken(volume))) {
        forbidden.add(name);
      }
    }
    return forbidden;
  }

  private static boolean hasToken(JsonNode volume) {
    for (JsonNode source : volume.path("projected").path("sources")) {
      if (source.has("serviceAccountToken")) {
        return true;
      }
    }
    return false;
  }

  private void container(JsonNode container, JsonNode spec, String kind, Set<String> forbidden) {
    String name = kind + " " + Shapes.shown(container.path("name").asText());
    if (container.path("name").asText().equals(Names.SIDECAR)) {
      problems.add(name + ": the name is the sidecar's");
    }
    JsonNode security = container.path("securityContext");
    if (security.path("privileged").asBoolean()) {
      problems.add(name + " is privileged");
    }
    if (security.path("allowPrivilegeEscalation").asBoolean()) {
      problems.add(name + " has allowPrivilegeEscalation: true");
    }
    for (JsonNode capability : security.path("capabilities").path("add")) {
      if (!capability.asText().equals(HARMLESS)) {
        problems.add(
            name + " adds the capability " + Shapes.shown(capability.asText()) + "; remove it");
      }
    }
    for (JsonNode profile : List.of(security, spec.path("securityContext"))) {
      if (profile.path("seccompProfile").path("type").asText().equals("Unconfined")) {
        problems.add(name + " has the seccompProfile Unconfined; RuntimeDefault is enough");
      }
    }
    if (Uids.of(container, spec) == plan.uid()) {
      problems.add(name + " runs as uid " + plan.uid() + ", which is the sidecar's");
    }
    for (JsonNode mount : container.path("volumeMounts")) {
      String volume = mount.path("name").asText();
      if (forbidden.contains(volume)) {
        problems.add(
            "%s mounts %s: only the sidecar holds SVIDs and tokens"
                .formatted(name, Shapes.shown(volume)));
      } else if (Names.isOurs(volume)) {
        problems.add(
            "%s mounts %s: volumes named exeat-* are the injector's"
                .formatted(name, Shapes.shown(volume)));
      }
    }
  }
}
