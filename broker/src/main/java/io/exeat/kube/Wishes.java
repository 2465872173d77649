package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a pod says of itself, read strictly; everything in it is of a known shape.
 *
 * @param agent the label's name
 * @param containers those that are the agent, in the order of their sockets
 * @param uid that all of them run as
 * @param said the annotations
 */
record Wishes(
    String namespace,
    String serviceAccount,
    String agent,
    List<String> containers,
    int uid,
    Map<Annotation, String> said) {
  /** The label that makes a pod an agent's, and names the agent. */
  static final String AGENT_LABEL = "exeat.io/agent";

  Optional<String> said(Annotation annotation) {
    return Optional.ofNullable(said.get(annotation));
  }

  /** Whether its containers get a door for MCP. */
  boolean hasMcp() {
    return said(Annotation.MCP).orElse("false").equals("true");
  }

  /** Empty when something is wrong, which is noted. */
  static Optional<Wishes> read(Request request, SidecarPlan plan, Problems problems) {
    ObjectNode pod = request.pod();
    JsonNode metadata = pod.path("metadata");
    String agent = metadata.path("labels").path(AGENT_LABEL).asText();
    if (!Shapes.isLabel(agent)) {
      problems.add(
          "label %s is %s; it must be the agent's name, 1 to 63 characters of a-z, 0-9 and -"
              .formatted(AGENT_LABEL, Shapes.shown(agent)));
    }
    if (!Shapes.isLabel(request.namespace())) {
      problems.add("the request's namespace is " + Shapes.shown(request.namespace()));
    }
    JsonNode spec = pod.path("spec");
    String account = spec.path("serviceAccountName").asText("default");
    account = account.isEmpty() ? "default" : account;
    if (!Shapes.isSubdomain(account)) {
      problems.add("spec.serviceAccountName is " + Shapes.shown(account));
    }
    Map<Annotation, String> said = annotations(metadata.path("annotations"), plan, problems);
    List<String> containers = containers(spec, said, problems);
    int uid = uid(spec, containers, said, plan, problems);
    return problems.isEmpty()
        ? Optional.of(
            new Wishes(request.namespace(), account, agent, containers, uid, Map.copyOf(said)))
        : Optional.empty();
  }

  private static Map<Annotation, String> annotations(
      JsonNode all, SidecarPlan plan, Problems problems) {
    Map<Annotation, String> said = new EnumMap<>(Annotation.class);
    for (Map.Entry<String, JsonNode> each : all.properties()) {
      if (!each.getKey().startsWith(Annotation.PREFIX)) {
        continue;
      }
      Optional<Annotation> known = Annotation.of(each.getKey());
      String value = each.getValue().asText();
      if (known.isEmpty()) {
        problems.add(
            "annotation %s: there is none of that name; there are %s"
                .formatted(Shapes.shown(each.getKey()), Annotation.known()));
      } else if (!known.get().matches(value)) {
        problems.add(
            "annotation %s is %s; it must be %s"
                .formatted(each.getKey(), Shapes.shown(value), known.get().allowed()));
      } else {
        said.put(known.get(), value);
      }
    }
    if (plan.form() instanceof SidecarPlan.Relayed) {
      for (Annotation here : List.of(Annotation.CONFIG, Annotation.MCP, Annotation.STATE_SIZE)) {
        if (said.containsKey(here)) {
          problems.add(
              "annotation %s: the sidecars here relay to a broker, which has the configuration; remove it"
                  .formatted(here.key()));
        }
      }
    }
    return said;
  }

  private static List<String> containers(
      JsonNode spec, Map<Annotation, String> said, Problems problems) {
    Set<String> there = new LinkedHashSet<>();
    if (!(spec.get("containers") instanceof ArrayNode all) || all.isEmpty()) {
      problems.add("spec.containers is empty");
      return List.of();
    }
    for (JsonNode container : all) {
      String name = container.path("name").asText();
      if (!Shapes.isLabel(name) || !there.add(name)) {
        problems.add("a container's name is " + Shapes.shown(name));
      }
    }
    String named = said.get(Annotation.CONTAINERS);
    if (named == null) {
      if (there.size() > 1) {
        problems.add(
            "the pod has %d containers; say which are the agent: annotation %s must be %s (%s)"
                .formatted(
                    there.size(),
                    Annotation.CONTAINERS.key(),
                    Annotation.CONTAINERS.allowed(),
                    Shapes.shown(String.join(",", there))));
      }
      return List.copyOf(there);
    }
    List<String> chosen = new ArrayList<>();
    for (String one : named.split(",", -1)) {
      if (!there.contains(one) || chosen.contains(one)) {
        problems.add(
            "annotation %s: %s is %s; it must be %s"
                .formatted(
                    Annotation.CONTAINERS.key(),
                    Shapes.shown(one),
                    there.contains(one) ? "named twice" : "no container of the pod",
                    Annotation.CONTAINERS.allowed()));
      }
      chosen.add(one);
    }
    return List.copyOf(chosen);
  }

  private static int uid(
      JsonNode spec,
      List<String> containers,
      Map<Annotation, String> said,
      SidecarPlan plan,
      Problems problems) {
    Set<Long> uids = new LinkedHashSet<>();
    long annotated = Long.parseLong(said.getOrDefault(Annotation.AGENT_UID, "-1"));
    for (JsonNode container : spec.path("containers")) {
      if (!containers.contains(container.path("name").asText())) {
        continue;
      }
      long own = Uids.of(container, spec);
      uids.add(own < 0 ? annotated : own);
      if (own >= 0 && annotated >= 0 && own != annotated) {
        problems.add(
            "annotation %s is %d, but container %s has runAsUser %d; remove one of the two"
                .formatted(
                    Annotation.AGENT_UID.key(),
                    annotated,
                    Shapes.shown(container.path("name").asText()),
                    own));
      }
    }
    if (uids.contains(-1L)) {
      problems.add(
          "the agent's uid is not known, and the sidecar knows its agent by it: set"
              + " securityContext.runAsUser, or annotation "
              + Annotation.AGENT_UID.key()
              + " to "
              + Annotation.AGENT_UID.allowed());
    } else if (uids.contains(0L)) {
      problems.add("the agent runs as root (runAsUser 0); it must have a uid of its own");
    } else if (uids.size() > 1) {
      problems.add("the agent's containers run as different uids, " + uids + "; it must be one");
    } else if (uids.contains((long) plan.uid())) {
      problems.add(
          "the agent runs as uid %d, which is the sidecar's; choose another".formatted(plan.uid()));
    }
    return uids.stream().findFirst().filter(it -> it > 0).map(Long::intValue).orElse(0);
  }
}
