package io.exeat.it.environment;

import io.exeat.it.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/**
 * The SPIRE server and a node's agent of {@code spire-config/kubernetes}, for a real API server.
 * They run outside of it, so they are told where it is; and there is no kubelet, or one that stands
 * in.
 */
public final class ClusterSpire implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final Path binaries;
  private final Path folder;
  private final int port = Processes.freePort();
  private final Process server;
  private Process agent;

  private ClusterSpire(Path binaries, Path folder, Path kubeconfig) throws IOException {
    this.binaries = binaries;
    this.folder = folder;
    Files.createDirectories(folder.resolve("data/server"));
    write(
        "server.conf",
        Map.of(
            "${DIR}",
            folder.toString(),
            "\"0.0.0.0\"",
            "\"127.0.0.1\"",
            "\"8081\"",
            "\"" + port + "\"",
            "/run/spire/server/private/api.sock",
            socket(),
            "service_account_allow_list",
            "kube_config_file = \"%s\"\nservice_account_allow_list".formatted(kubeconfig),
            "config_map = \"spire-bundle\"",
            "config_map = \"spire-bundle\"\nkube_config_file_path = \"%s\"".formatted(kubeconfig)));
    this.server = run("spire-server", "server.conf", List.of());
    this.agent = server;
    awaitOr(server, "SPIRE's server", () -> Files.exists(Path.of(socket())));
  }

  /** Starts the server; skips the test where there is none. */
  public static ClusterSpire start(Path folder, Path kubeconfig) {
    try {
      // Short: a socket's path has at most 107 bytes.
      return new ClusterSpire(Needs.part("spire", Spire.binaries()), folder, kubeconfig);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts a node's agent, and returns when it serves.
   *
   * @param token of its pod, as a kubelet projects it
   * @param bundle the server's, to begin with
   */
  public void startAgent(String token, String bundle) {
    startAgent(
        token,
        bundle,
        List.of("MY_NODE_NAME=node-1"),
        List.of("skip_kubelet_verification = true", "use_anonymous_authentication = true"));
  }

  /**
   * The same beside a kubelet.
   *
   * @param node its name, at which the kubelet is reached
   * @param account of its pod, {@link Kubernetes#account}
   * @param kubeconfig of the same account
   */
  void startAgent(
      String token, String bundle, Kubelet kubelet, String node, Path account, Path kubeconfig) {
    startAgent(
        token,
        bundle,
        List.of("MY_NODE_NAME=" + node, "KUBECONFIG=" + kubeconfig),
        List.of(
            "kubelet_secure_port = " + kubelet.port(),
            "kubelet_ca_path = \"" + kubelet.authorities() + "\"",
            "token_path = \"" + account.resolve("token") + "\""));
  }

  private void startAgent(
      String token, String bundle, List<String> environment, List<String> kubelet) {
    try {
      Path sockets = Files.createDirectories(folder.resolve("w"));
      Path brokers = Files.createDirectories(folder.resolve("b"));
      Path file = Files.writeString(folder.resolve("token"), token);
      write(
          "agent.conf",
          Map.of(
              "${DIR}/data/agent",
              Files.createDirectories(folder.resolve("data/agent")).toString(),
              "spire-server.spire.svc",
              "127.0.0.1",
              "\"8081\"",
              "\"" + port + "\"",
              "/run/spire/bundle/bundle.crt",
              Files.writeString(folder.resolve("bundle.crt"), bundle).toString(),
              "/run/spire/agent-sockets",
              sockets.toString(),
              "/run/spire/broker-sockets",
              brokers.toString(),
              "cluster = \"example\"",
              "cluster = \"example\"\ntoken_path = \"%s\"".formatted(file),
              "node_name_env = \"MY_NODE_NAME\"",
              "node_name_env = \"MY_NODE_NAME\"\n" + String.join("\n", kubelet)));
      agent = run("spire-agent", "agent.conf", environment);
      awaitOr(
          agent,
          "SPIRE's agent",
          () -> Files.exists(workloadSocket()) && Files.exists(brokerSocket()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The folder that the CSI driver would give to pods. */
  public Path workloadFolder() {
    return folder.resolve("w");
  }

  /** The Workload API. */
  public Path workloadSocket() {
    return workloadFolder().resolve("spire-agent.sock");
  }

  /** The Broker API, in a folder of the node's. */
  public Path brokerSocket() {
    return folder.resolve("b/broker.sock");
  }

  /**
   * What the Workload API gives to a process of a container.
   *
   * @return SPIFFE IDs with their hints, such as {@code spiffe://example.org/a (agent)}; in order
   */
  public List<String> given(Cgroup container) {
    String said;
    try {
      said =
          Processes.run(
              Duration.ofMinutes(2),
              container.command(
                  List.of(
                      binaries.resolve("spire-agent").toString(),
                      "api",
                      "fetch",
                      "x509",
                      "-timeout",
                      "60s",
                      "-socketPath",
                      workloadSocket().toString())));
    } catch (IllegalStateException e) {
      said = String.valueOf(e.getMessage());
    }
    List<String> all =
        Pattern.compile("(?m)^SPIFFE ID:\\s+(\\S+)$(?:\\nHint:\\s+(\\S+)$)?")
            .matcher(said)
            .results()
            .map(it -> it.group(1) + " (" + it.group(2) + ")")
            .sorted()
            .toList();
    if (all.isEmpty() && !said.contains("no identity issued")) {
      throw new IllegalStateException(said);
    }
    return all;
  }

  /** The keys of its JWT authorities, in PEM, for Vault. */
  public String jwtKeys() {
    return SpireStage.pem(server("bundle", "show", "-format", "spiffe"));
  }

  /** {@code spire-server …} against this server, and what it printed. */
  public String server(String... words) {
    List<String> command = new ArrayList<>(List.of(words));
    command.addFirst(binaries.resolve("spire-server").toString());
    command.addAll(List.of("-socketPath", socket()));
    return Processes.run(Duration.ofMinutes(1), command);
  }

  /** The server's, for who registers. */
  String socket() {
    return folder.resolve("api.sock").toString();
  }

  /** The file as it stands in the sources, with other places; each must be in it. */
  private void write(String file, Map<String, String> places) throws IOException {
    String text =
        Files.readString(Packaged.root().resolve("spire-config/kubernetes").resolve(file))
            .replaceAll("(?m)(\\w) +=", "$1 =");
    for (Map.Entry<String, String> each : places.entrySet()) {
      if (!text.contains(each.getKey())) {
        throw new AssertionError(each.getKey() + " is not in " + text);
      }
      text = text.replace(each.getKey(), each.getValue());
    }
    Files.writeString(folder.resolve(file), text);
  }

  private Process run(String binary, String file, List<String> environment) {
    List<String> command = new ArrayList<>(List.of("env"));
    command.addAll(environment);
    command.addAll(
        List.of(
            binaries.resolve(binary).toString(),
            "run",
            "-expandEnv",
            "-config",
            folder.resolve(file).toString()));
    Process started = Processes.start(command, folder.resolve(binary + ".log"));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> Processes.end(started, "TERM")));
    return started;
  }

  private void awaitOr(Process process, String what, BooleanSupplier there) {
    try {
      Processes.await(
          what,
          PATIENCE,
          () -> {
            if (!process.isAlive()) {
              throw new IllegalStateException(what + " has ended");
            }
            return there.getAsBoolean();
          });
    } catch (RuntimeException e) {
      close();
      throw new AssertionError(logs(), e);
    }
  }

  private String logs() {
    StringBuilder all = new StringBuilder();
    for (String binary : List.of("spire-server", "spire-agent")) {
      Path log = folder.resolve(binary + ".log");
      try {
        all.append(Files.exists(log) ? Files.readString(log) : "");
      } catch (IOException e) {
        all.append(e);
      }
    }
    return all.toString();
  }

  @Override
  public void close() {
    Processes.end(agent, "TERM");
    Processes.end(server, "TERM");
  }
}
