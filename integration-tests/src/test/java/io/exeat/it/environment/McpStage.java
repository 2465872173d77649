package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.identity.development.Entry;
import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A packaged broker with the MCP gateway open, between the stage's Vault and Postgres. */
public final class McpStage implements AutoCloseable {
  /** Leave alone, for tools that need no credential. */
  public static final String USE = "tools-use";

  /** A login at Postgres that may read orders, lent to the gateway alone. */
  public static final String PROXIED = "orders-proxied";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Stage stage = Stage.get();
  private final Path folder;
  private final BrokerProcess broker;
  private final List<Process> shims = new ArrayList<>();

  private McpStage(String upstreams, Optional<Path> policies) {
    this.folder = stage.newFolder("m");
    try {
      Path catalogue = folder.resolve("catalogue.yaml");
      Files.writeString(catalogue, catalogue(upstreams));
      String yaml =
          Yaml.allInOne(
                  stage,
                  Deployment.Plan.of(stage, Deployment.Form.ALL_IN_ONE, stage.development()),
                  folder)
              .replace(stage.catalogue().toString(), catalogue.toString())
              .replace(
                  "policy: {",
                  policies.map(it -> "policy: {folder: " + it + ", ").orElse("policy: {"));
      this.broker =
          BrokerProcess.start(
              folder,
              yaml
                  + "mcp: {path: %1$s/run/mcp.sock, more: [%1$s/run/b/mcp.sock]}\n"
                      .formatted(folder),
              BrokerProcess.AS_PACKAGED,
              pid -> enrol(Stage.BROKER, pid));
      broker.awaitServing();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts one; it serves when this returns.
   *
   * @param upstreams the catalogue's section, without its key, indented by two
   */
  public static McpStage start(String upstreams) {
    return new McpStage(upstreams, Optional.empty());
  }

  /** The same, with these policies beside those that ship. */
  public static McpStage start(String upstreams, String policies) {
    try {
      Path folder = Stage.get().newFolder("policies");
      try (Stream<Path> shipped = Files.list(Packaged.root().resolve("deploy/policies"))) {
        for (Path each : shipped.filter(it -> it.toString().endsWith(".cedar")).toList()) {
          Files.copy(each, folder.resolve(each.getFileName()));
        }
      }
      Files.writeString(folder.resolve("own.cedar"), policies);
      return new McpStage(upstreams, Optional.of(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same, under the policies of a folder, which the broker reads again when they change. */
  public static McpStage start(String upstreams, Path policies) {
    return new McpStage(upstreams, Optional.of(policies));
  }

  /** Puts another catalogue in the place of the one that the broker has. */
  public void rewrite(String upstreams) throws IOException {
    Path fresh = Files.writeString(folder.resolve("catalogue.new"), catalogue(upstreams));
    Files.move(fresh, folder.resolve("catalogue.yaml"), StandardCopyOption.ATOMIC_MOVE);
  }

  private String catalogue(String upstreams) throws IOException {
    return Files.readString(stage.catalogue())
            .replace(
                "\ngrants:\n",
                """

                  tools:
                    environment: test
                    service: {host: 127.0.0.1}
                grants:
                  tools-use:
                    target: tools
                    actions: [read, write]
                    data-class: internal
                """)
            .replace(
                "grants: [orders-read, orders-write",
                "grants: [tools-use, orders-read, orders-write")
        + "upstreams:\n"
        + upstreams;
  }

  private void enrol(io.spiffe.spiffeid.SpiffeId id, long pid) {
    stage.authority().add(Entry.ofPid(id, Math.toIntExact(pid)));
  }

  public Stage stage() {
    return stage;
  }

  public BrokerProcess broker() {
    return broker;
  }

  /** Where agents call tool servers. */
  public Path socket() {
    return folder.resolve("run/mcp.sock");
  }

  /** Where a second container that is the agent would. */
  public Path secondSocket() {
    return folder.resolve("run/b/mcp.sock");
  }

  /** A connection of this process, which is an agent. */
  public McpClient client(String upstream) {
    return new McpClient(socket(), upstream);
  }

  /** A task of this process's identity, whichever process speaks. */
  public String open(String... scope) {
    try (Client client = new Client(broker.agentSocket())) {
      return client
          .tasks()
          .open(Client.asking(scope).setBinding(Binding.BINDING_IDENTITY).build())
          .getId();
    }
  }

  /** Completes it: what it held is proven dead when this returns. */
  public void complete(String task) {
    try (Client client = new Client(broker.agentSocket())) {
      var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task).build());
    }
  }

  /** {@code exeat mcp <upstream> …}, packaged, as the same agent. */
  public Process shim(String upstream, String... more) {
    List<String> command = new ArrayList<>(Packaged.command("mcp", upstream));
    command.addAll(List.of("--socket", broker.agentSocket().toString()));
    command.addAll(List.of(more));
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("shim").toFile()))
              .start();
      shims.add(process);
      enrol(Stage.AGENT, process.pid());
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A URL for a client that only knows URLs: {@code exeat mcp --listen}. */
  public URI listen(String upstream, String... more) {
    Process process =
        shim(
            upstream,
            Stream.concat(Stream.of("--listen", "0"), Stream.of(more)).toArray(String[]::new));
    try {
      String line =
          new BufferedReader(
                  new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
              .readLine();
      return URI.create(
          Optional.ofNullable(line)
              .orElseThrow(() -> new IllegalStateException("exeat mcp ended:\n" + shimLog())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the shims said on standard error. */
  public String shimLog() {
    try {
      Path log = folder.resolve("shim");
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The audit chain's records of one kind, in their order. */
  public List<JsonNode> audit(String kind) {
    try (Stream<Path> files = Files.list(broker.audit())) {
      List<JsonNode> records = new ArrayList<>();
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          JsonNode record = JSON.readTree(line);
          if (record.path("kind").asText().equals(kind)) {
            records.add(record);
          }
        }
      }
      return records;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An upstream at a URL, with these tools mapped and nothing pinned. */
  public static String at(String name, URI url, List<String> tools) {
    return "  %s:\n    url: %s\n    grant: %s\n".formatted(name, url, USE)
        + "    definitions: unsafe-any\n    timeout: 30s\n    tools:\n"
        + tools.stream()
            .map(tool -> "      " + tool + ": {step: retrieve}\n")
            .collect(Collectors.joining());
  }

  @Override
  public void close() {
    shims.forEach(shim -> Processes.end(shim, "TERM"));
    broker.close();
  }
}
