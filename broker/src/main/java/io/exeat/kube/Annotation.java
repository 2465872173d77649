package io.exeat.kube;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a pod may say in {@code metadata.annotations} below {@code exeat.io/}. {@code
 * docs/kubernetes.md} has the same table, and a test holds the two together.
 */
public enum Annotation {
  /** Which containers are the agent. All others get no socket. */
  CONTAINERS(
      "containers",
      Shapes.LABEL + "(," + Shapes.LABEL + "){0,7}",
      "1 to 8 names of containers of the pod, with commas between them",
      "the pod's only container",
      "Which containers are the agent; each gets a socket of its own. The injector writes it"
          + " down."),

  /** Under which uid the agent runs. */
  AGENT_UID(
      "agent-uid",
      "[1-9][0-9]{0,8}",
      "a whole number from 1 to 999999999",
      "`securityContext.runAsUser`",
      "The uid that the agent's containers run as, when neither they nor the pod say so."),

  /** With which ConfigMap the sidecar is the broker. */
  CONFIG(
      "config",
      Shapes.SUBDOMAIN,
      "the name of a ConfigMap in the pod's namespace",
      "the injector's `sidecar.config-map`",
      "`exeat.yaml`, `catalogue.yaml` and policies for the sidecar. Not when it relays."),

  /** Whether there is a door for MCP. */
  MCP(
      "mcp",
      "true|false",
      "true or false",
      "`false`",
      "Whether each of the agent's containers gets a socket of the MCP gateway, `mcp.sock` beside"
          + " `agent.sock`, and its place in `EXEAT_MCP_SOCKET`. Not when the sidecar relays."),

  /** How large the journal and the audit chain may grow. */
  STATE_SIZE(
      "state-size",
      "[1-9][0-9]{0,3}(Mi|Gi)",
      "a size in Mi or Gi, such as 512Mi",
      "`1Gi`",
      "How much the journal and the audit chain may take. Not when the sidecar relays."),

  /** What the sidecar's container may use. */
  MEMORY_LIMIT(
      "memory-limit",
      "(19[2-9]|[2-9][0-9]{2}|[1-3][0-9]{3})Mi",
      "a size from 192Mi to 3999Mi",
      "`256Mi`",
      "The sidecar's memory, requested and limit: so a node gives it no swap."),

  /** What the scheduler sets aside for the sidecar. */
  CPU_REQUEST(
      "cpu-request",
      "[1-9][0-9]{0,3}m",
      "millicores from 1m to 9999m",
      "`20m`",
      "The sidecar's `resources.requests.cpu`."),

  /** How much the sidecar logs. */
  LOG_LEVEL(
      "log-level",
      "error|warn|info|debug",
      "one of error, warn, info, debug",
      "`info`",
      "How much the sidecar logs."),

  /** That the pod went through here. */
  INJECTED(
      "injected",
      "[0-9A-Za-z.-]{1,63}",
      "nothing: the injector writes it",
      "",
      "Written by the injector: the version that injected the pod.");

  /** What all of them begin with. */
  static final String PREFIX = "exeat.io/";

  private final String key;
  private final Pattern shape;
  private final String allowed;
  private final String usual;
  private final String purpose;

  Annotation(String name, String shape, String allowed, String usual, String purpose) {
    this.key = PREFIX + name;
    this.shape = Pattern.compile(shape);
    this.allowed = allowed;
    this.usual = usual;
    this.purpose = purpose;
  }

  /** Such as {@code exeat.io/agent-uid}. */
  public String key() {
    return key;
  }

  /** For people. */
  public String allowed() {
    return allowed;
  }

  /** Its row of the documentation's table, in Markdown. */
  public String row() {
    return "| `" + key + "` | " + allowed + " | " + usual + " | " + purpose + " |";
  }

  boolean matches(String value) {
    return value.length() <= Shapes.MOST && shape.matcher(value).matches();
  }

  static Optional<Annotation> of(String key) {
    return Arrays.stream(values()).filter(it -> it.key.equals(key)).findAny();
  }

  /** The keys, for a message. */
  static String known() {
    return Arrays.stream(values())
        .filter(it -> it != INJECTED)
        .map(Annotation::key)
        .collect(Collectors.joining(", "));
  }
}
