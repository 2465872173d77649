package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * The containers of one pod as processes: in their cgroups, as the users that the pod says, without
 * capabilities, in PID namespaces of their own unless it has the host's, and the sidecar with the
 * environment that the injector wrote. Where volumes would be mounted, they have a folder.
 */
public final class PodProcesses {
  private final JsonNode pod;
  private final Map<String, Cgroup> containers;

  public PodProcesses(JsonNode pod, Map<String, Cgroup> containers) {
    this.pod = pod;
    this.containers = containers;
  }

  /** The pod's own. */
  public Cgroup container(String name) {
    return Optional.ofNullable(containers.get(name)).orElseThrow();
  }

  /**
   * Starts the injected sidecar, and returns when it serves.
   *
   * @param folder of its own, for its state and its sockets
   * @param workloadApi where the CSI driver's volume is
   * @param yaml of the ConfigMap
   */
  public BrokerProcess sidecar(Path folder, Path workloadApi, String yaml) {
    List<String> environment = new ArrayList<>(List.of("env"));
    for (JsonNode each : spec("exeat").path("env")) {
      String value =
          each.path("value")
              .asText()
              .replaceAll("^/run/spire/agent(?=/)", workloadApi.toString())
              .replaceAll("^/run/exeat/\\S*/(?=\\w+\\.sock$)", folder.resolve("run") + "/");
      environment.add(each.path("name").asText() + "=" + value);
    }
    give(folder, spec("exeat").at("/securityContext/runAsUser").asInt());
    BrokerProcess.Launch own =
        config -> outlived(as("exeat", Packaged.command("run", "--config", config.toString())));
    return served(
        BrokerProcess.start(
            folder,
            yaml,
            config ->
                container("exeat")
                    .command(
                        Processes.join(
                            environment, own.inAPod().command(config).toArray(String[]::new))),
            _ -> {}));
  }

  /** Starts the broker of a node, which has the host's PID namespace, as {@link #sidecar}. */
  public BrokerProcess nodeBroker(Path folder, String yaml) {
    return served(
        BrokerProcess.start(
            folder,
            yaml,
            config ->
                container("broker")
                    .command(as("broker", Packaged.many("run", "--config", config.toString()))),
            _ -> {}));
  }

  private static BrokerProcess served(BrokerProcess started) {
    try {
      started.awaitServing();
      return started;
    } catch (RuntimeException e) {
      started.close();
      throw e;
    }
  }

  /** Starts the agent's program in a container. */
  public AgentProcess agent(String container, Path socket) {
    return AgentProcess.start(
        socket,
        words ->
            container(container)
                .command(
                    Processes.join(
                        List.of("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
                        outlived(as(container, words)).toArray(String[]::new))));
  }

  /** With a first process that is not another user's, so the kernel ends it with its parent. */
  private static List<String> outlived(List<String> words) {
    return Processes.join(
        List.of("sh", "-c", "\"$@\"; exit $?", "sh"), words.toArray(String[]::new));
  }

  private List<String> as(String container, List<String> words) {
    int uid = said(container, "runAsUser").orElseThrow();
    List<String> command =
        new ArrayList<>(
            List.of(
                "setpriv",
                "--reuid=" + uid,
                "--regid=" + said(container, "runAsGroup").orElse(uid),
                "--groups=" + pod.at("/spec/securityContext/supplementalGroups/0").asText(),
                "--inh-caps=-all",
                "--bounding-set=-all",
                "--no-new-privs"));
    command.addAll(words);
    return command;
  }

  private Optional<Integer> said(String container, String key) {
    return List.of(spec(container), pod.path("spec")).stream()
        .map(it -> it.path("securityContext").path(key))
        .filter(JsonNode::isInt)
        .map(JsonNode::asInt)
        .findFirst();
  }

  private JsonNode spec(String container) {
    return List.of("initContainers", "containers").stream()
        .flatMap(it -> StreamSupport.stream(pod.path("spec").path(it).spliterator(), false))
        .filter(it -> it.path("name").asText().equals(container))
        .findFirst()
        .orElseThrow();
  }

  private static void give(Path folder, int uid) {
    try {
      Files.setAttribute(folder, "unix:uid", uid);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
