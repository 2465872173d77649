package io.exeat.kube;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The sidecar's container and volumes. A native sidecar (an init container with {@code
 * restartPolicy: Always}): ready before the agent starts, ended after it, and no Job waits for it.
 */
final class Sidecar {
  private static final String ROOT = "/run/exeat/";
  private static final String ADMIN_SOCKET = ROOT + "admin/" + Names.DOOR + "/admin.sock";
  private static final String WORKLOAD_API = "/run/spire/agent";
  private static final String CONFIG = "/etc/exeat";
  private static final List<String> JAVA =
      List.of("/opt/exeat/jre/bin/java", "@/opt/exeat/options");

  private final SidecarPlan plan;
  private final Wishes wishes;

  Sidecar(SidecarPlan plan, Wishes wishes) {
    this.plan = plan;
    this.wishes = wishes;
  }

  ObjectNode container() {
    ObjectNode container = JsonNodeFactory.instance.objectNode();
    container.put("name", Names.SIDECAR).put("image", plan.image());
    container.putArray("args").add("run");
    container.put("restartPolicy", "Always");
    environment(container.putArray("env"));
    probe(container.putObject("startupProbe"));
    ObjectNode resources = container.putObject("resources");
    String memory = wishes.said(Annotation.MEMORY_LIMIT).orElse("256Mi");
    resources
        .putObject("requests")
        .put("cpu", wishes.said(Annotation.CPU_REQUEST).orElse("20m"))
        .put("memory", memory);
    // Requested as much as it may have: a kubelet gives such a container no swap.
    resources.putObject("limits").put("memory", memory);
    ObjectNode security = container.putObject("securityContext");
    security
        .put("runAsUser", plan.uid())
        .put("runAsGroup", plan.uid())
        .put("runAsNonRoot", true)
        .put("allowPrivilegeEscalation", false)
        .put("readOnlyRootFilesystem", true);
    security.putObject("capabilities").putArray("drop").add("ALL");
    security.putObject("seccompProfile").put("type", "RuntimeDefault");
    mounts(container.putArray("volumeMounts"));
    return container;
  }

  private void environment(ArrayNode environment) {
    String home =
        "spiffe://%s/ns/%s/sa/%s"
            .formatted(plan.trustDomain(), wishes.namespace(), wishes.serviceAccount());
    add(environment, "EXEAT_SPIFFE_ID", home + "/broker/" + wishes.agent());
    add(environment, "EXEAT_SPIFFE_HINT", "broker");
    add(environment, "EXEAT_SPIFFE_WORKLOAD_API", WORKLOAD_API + "/" + plan.workloadSocket());
    add(environment, "EXEAT_ATTESTATION_MODE", "workload-api");
    add(environment, "EXEAT_ATTESTATION_AGENT", home + "/agent/" + wishes.agent());
    add(environment, "EXEAT_ATTESTATION_HINT", "agent");
    add(environment, "EXEAT_ATTESTATION_UID", Integer.toString(wishes.uid()));
    add(environment, "EXEAT_SOCKET_", doors("agent.sock"));
    add(environment, "EXEAT_SOCKET_GROUP", Integer.toString(plan.group()));
    add(environment, "EXEAT_ADMIN_PATH", ADMIN_SOCKET);
    if (wishes.hasMcp()) {
      add(environment, "EXEAT_MCP_", doors("mcp.sock"));
    }
    add(environment, "EXEAT_LOG_LEVEL", wishes.said(Annotation.LOG_LEVEL).orElse("info"));
    if (plan.form() instanceof SidecarPlan.Relayed relayed) {
      add(environment, "EXEAT_RELAY_TO", relayed.to());
      add(environment, "EXEAT_RELAY_BROKER", relayed.broker());
    }
  }

  /** One for each container that is the agent, in their order. */
  private List<String> doors(String socket) {
    return IntStream.range(0, wishes.containers().size())
        .mapToObj(i -> ROOT + "agents/" + i + "/" + Names.DOOR + "/" + socket)
        .toList();
  }

  private static void add(ArrayNode environment, String section, List<String> doors) {
    add(environment, section + "PATH", doors.getFirst());
    if (doors.size() > 1) {
      add(environment, section + "MORE", String.join(",", doors.subList(1, doors.size())));
    }
  }

  /** What the kubelet waits for before it starts the agent: all doors are open. */
  private void probe(ObjectNode probe) {
    ArrayNode command = probe.putObject("exec").putArray("command");
    JAVA.forEach(command::add);
    command.add("probe").add(ADMIN_SOCKET);
    doors("agent.sock").forEach(command::add);
    probe.put("periodSeconds", 1).put("timeoutSeconds", 5).put("failureThreshold", 60);
  }

  private void mounts(ArrayNode mounts) {
    mount(mounts, Names.SPIFFE, WORKLOAD_API, true);
    mount(mounts, Names.ADMIN, ROOT + "admin", false);
    for (int i = 0; i < wishes.containers().size(); i++) {
      mount(mounts, Names.agent(i), ROOT + "agents/" + i, false);
    }
    mount(mounts, Names.TEMPORARY, "/tmp", false);
    if (plan.form() instanceof SidecarPlan.AllInOne) {
      mount(mounts, Names.STATE, "/var/lib/exeat", false);
      mount(mounts, Names.CONFIG, CONFIG, true);
      mount(mounts, Names.POLICIES, CONFIG + "/policies", true);
    }
  }

  List<ObjectNode> volumes() {
    java.util.ArrayList<ObjectNode> volumes = new java.util.ArrayList<>();
    ObjectNode spiffe = named(Names.SPIFFE);
    spiffe.putObject("csi").put("driver", plan.csiDriver()).put("readOnly", true);
    volumes.add(spiffe);
    volumes.add(inMemory(Names.ADMIN, "1Mi"));
    for (int i = 0; i < wishes.containers().size(); i++) {
      volumes.add(inMemory(Names.agent(i), "1Mi"));
      volumes.add(inMemory(Names.files(i), "1Mi"));
    }
    volumes.add(inMemory(Names.TEMPORARY, "64Mi"));
    if (plan.form() instanceof SidecarPlan.AllInOne here) {
      ObjectNode state = named(Names.STATE);
      state
          .putObject("emptyDir")
          .put("sizeLimit", wishes.said(Annotation.STATE_SIZE).orElse("1Gi"));
      volumes.add(state);
      String map = wishes.said(Annotation.CONFIG).orElse(here.configMap());
      ObjectNode config = named(Names.CONFIG);
      config.putObject("configMap").put("name", map).put("defaultMode", 0444);
      volumes.add(config);
      ObjectNode policies = named(Names.POLICIES);
      policies
          .putObject("configMap")
          .put("name", map + "-policies")
          .put("defaultMode", 0444)
          .put("optional", true);
      volumes.add(policies);
    }
    return List.copyOf(volumes);
  }

  private static ObjectNode inMemory(String name, String size) {
    ObjectNode volume = named(name);
    volume.putObject("emptyDir").put("medium", "Memory").put("sizeLimit", size);
    return volume;
  }

  private static ObjectNode named(String name) {
    return JsonNodeFactory.instance.objectNode().put("name", name);
  }

  private static void add(ArrayNode environment, String name, String value) {
    environment.addObject().put("name", name).put("value", value);
  }

  private static void mount(ArrayNode mounts, String volume, String path, boolean readOnly) {
    ObjectNode mount = mounts.addObject().put("name", volume).put("mountPath", path);
    if (readOnly) {
      mount.put("readOnly", true);
    }
  }
}
