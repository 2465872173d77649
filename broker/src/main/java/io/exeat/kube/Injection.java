package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * Makes an agent's pod of a pod. It sets, it does not append: what an injection before this one (or
 * the pod's author in its name) put there is taken out first, so that twice is the same as once.
 */
final class Injection {
  private static final String SOCKET = "EXEAT_SOCKET";
  private static final String IN_AGENT = Names.IN_AGENT + "/" + Names.DOOR + "/agent.sock";
  private static final String MCP_SOCKET = "EXEAT_MCP_SOCKET";
  private static final String MCP_IN_AGENT = Names.IN_AGENT + "/" + Names.DOOR + "/mcp.sock";
  private static final String FILES = "EXEAT_FILES";
  private static final String TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount";
  private static final String TOKEN_VOLUME = "kube-api-access-";

  private final SidecarPlan plan;
  private final Wishes wishes;
  private final Problems problems;

  private Injection(SidecarPlan plan, Wishes wishes, Problems problems) {
    this.plan = plan;
    this.wishes = wishes;
    this.problems = problems;
  }

  /** The pod as it is to be; empty when it is refused, for reasons that are noted. */
  static Optional<ObjectNode> inject(Request request, SidecarPlan plan, Problems problems) {
    Optional<Wishes> wishes = Wishes.read(request, plan, problems);
    ObjectNode pod = request.pod().deepCopy();
    List<String> agents = wishes.map(Wishes::containers).orElse(List.of());
    takeOut(pod, agents);
    new Safety(plan, problems).look(pod, agents);
    wishes.ifPresent(it -> new Injection(plan, it, problems).put(pod));
    return problems.isEmpty() ? Optional.of(pod) : Optional.empty();
  }

  private static void takeOut(ObjectNode pod, List<String> agents) {
    JsonNode spec = pod.path("spec");
    removeIf(spec.path("initContainers"), it -> it.path("name").asText().equals(Names.SIDECAR));
    removeIf(spec.path("volumes"), it -> Names.isInjected(it.path("name").asText()));
    for (JsonNode container : spec.path("containers")) {
      if (agents.contains(container.path("name").asText())) {
        removeIf(container.path("volumeMounts"), Injection::isOurMount);
      }
    }
    // The ServiceAccount plug-in comes before webhooks, and its token is already there.
    boolean automatic = false;
    for (String kind : List.of("containers", "initContainers")) {
      for (JsonNode container : spec.path(kind)) {
        automatic |= removeIf(container.path("volumeMounts"), Injection::isTokenMount);
      }
    }
    if (automatic || !spec.path("automountServiceAccountToken").asBoolean()) {
      removeIf(spec.path("volumes"), it -> it.path("name").asText().startsWith(TOKEN_VOLUME));
    }
  }

  private static boolean isOurMount(JsonNode mount) {
    return List.of(Names.IN_AGENT, Names.FILES_IN_AGENT).contains(mount.path("mountPath").asText())
        && Names.isInjected(mount.path("name").asText());
  }

  private static boolean isTokenMount(JsonNode mount) {
    return mount.path("mountPath").asText().equals(TOKEN)
        && mount.path("name").asText().startsWith(TOKEN_VOLUME);
  }

  private void put(ObjectNode pod) {
    ObjectNode metadata = pod.withObjectProperty("metadata");
    metadata
        .withObjectProperty("annotations")
        .put(Annotation.CONTAINERS.key(), String.join(",", wishes.containers()))
        .put(Annotation.INJECTED.key(), plan.version());
    ObjectNode spec = pod.withObjectProperty("spec");
    spec.put("automountServiceAccountToken", false);
    ArrayNode groups =
        spec.withObjectProperty("securityContext").withArrayProperty("supplementalGroups");
    if (items(groups).noneMatch(it -> it.asLong() == plan.group())) {
      groups.add(plan.group());
    }
    for (JsonNode container : spec.path("containers")) {
      int number = wishes.containers().indexOf(container.path("name").asText());
      if (number >= 0 && container instanceof ObjectNode agent) {
        harden(agent, spec.path("securityContext"));
        connect(agent, number);
      }
    }
    Sidecar sidecar = new Sidecar(plan, wishes);
    spec.withArrayProperty("initContainers").insert(0, sidecar.container());
    sidecar.volumes().forEach(spec.withArrayProperty("volumes")::add);
  }

  /** What keeps it from becoming another user: the uid is how the sidecar knows it. */
  private void harden(ObjectNode agent, JsonNode ofPod) {
    ObjectNode security = agent.withObjectProperty("securityContext");
    security
        .put("runAsUser", wishes.uid())
        .put("runAsNonRoot", true)
        .put("allowPrivilegeEscalation", false);
    ArrayNode drop = security.withObjectProperty("capabilities").withArrayProperty("drop");
    if (items(drop).noneMatch(it -> it.asText().equals("ALL"))) {
      drop.removeAll().add("ALL");
    }
    if (!security.has("seccompProfile") && !ofPod.has("seccompProfile")) {
      security.putObject("seccompProfile").put("type", "RuntimeDefault");
    }
  }

  private void connect(ObjectNode agent, int number) {
    mount(agent, Names.IN_AGENT, "where the sidecar's socket is")
        .put("name", Names.agent(number))
        .put("readOnly", true);
    say(agent, SOCKET, IN_AGENT);
    if (wishes.hasMcp()) {
      say(agent, MCP_SOCKET, MCP_IN_AGENT);
    }
    mount(agent, Names.FILES_IN_AGENT, "where what it is lent is written")
        .put("name", Names.files(number));
    say(agent, FILES, Names.FILES_IN_AGENT);
  }

  private ObjectNode mount(ObjectNode agent, String path, String what) {
    ArrayNode mounts = agent.withArrayProperty("volumeMounts");
    for (JsonNode mount : mounts) {
      if (mount.path("mountPath").asText().matches(path + "(/.*)?")) {
        problems.add(
            "container %s mounts something at %s, %s"
                .formatted(
                    Shapes.shown(agent.path("name").asText()),
                    Shapes.shown(mount.path("mountPath").asText()),
                    what));
      }
    }
    return mounts.addObject().put("mountPath", path);
  }

  private void say(ObjectNode agent, String name, String value) {
    ArrayNode environment = agent.withArrayProperty("env");
    removeIf(
        environment,
        it -> it.path("name").asText().equals(name) && it.path("value").asText().equals(value));
    if (items(environment).anyMatch(it -> it.path("name").asText().equals(name))) {
      problems.add(
          "container %s sets %s itself; remove it"
              .formatted(Shapes.shown(agent.path("name").asText()), name));
    }
    environment.addObject().put("name", name).put("value", value);
  }

  private static java.util.stream.Stream<JsonNode> items(ArrayNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private static boolean removeIf(JsonNode array, java.util.function.Predicate<JsonNode> which) {
    boolean removed = false;
    if (array instanceof ArrayNode items) {
      for (Iterator<JsonNode> each = items.iterator(); each.hasNext(); ) {
        if (which.test(each.next())) {
          each.remove();
          removed = true;
        }
      }
    }
    return removed;
  }
}
