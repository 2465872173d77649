package io.exeat.cli;

import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code exeat mcp}: what an MCP client starts in the place of a server. */
@Command(
    name = "mcp",
    description = {
      "Speaks for a tool server of the catalogue, which the sidecar reaches and holds the"
          + " credential of.",
      "",
      "An MCP client starts this where it would start the server itself. It only carries lines"
          + " between",
      "the client and the sidecar's MCP socket; every call is decided there. With --intent it opens"
          + " a",
      "task that ends with it; else it uses the task of --task or EXEAT_TASK, or the only one that"
          + " the",
      "agent has.",
      "",
      "--listen is for clients that only know URLs: any process of this machine can connect to a"
          + " port of",
      "the loopback address, so the printed URL has a secret path. Whoever has the URL acts as this"
          + " agent."
    },
    footer = {
      "",
      "Examples:",
      "  exeat mcp orders --intent answer-ticket -p ticket=4711 --scope orders-read",
      "  exeat mcp orders --listen 0"
    })
public final class McpCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @Parameters(paramLabel = "UPSTREAM", description = "The server's name in the catalogue.")
  private String upstream = "";

  @Option(
      names = "--mcp-socket",
      paramLabel = "PATH",
      description =
          "The sidecar's MCP socket. Else EXEAT_MCP_SOCKET, else mcp.sock beside --socket.")
  private Optional<Path> socket = Optional.empty();

  @Option(names = "--task", paramLabel = "TASK", description = "A task that is open already.")
  private Optional<String> task = Optional.empty();

  @Option(names = "--intent", paramLabel = "NAME", description = "Opens a task for this purpose.")
  private Optional<String> intent = Optional.empty();

  @Option(
      names = {"-p", "--parameter"},
      paramLabel = "KEY=VALUE",
      description = "A parameter of the intent; repeatable.")
  private Map<String, String> parameters = new LinkedHashMap<>();

  @Option(
      names = "--scope",
      split = ",",
      paramLabel = "GRANT",
      description = "What the task may hold; repeatable or with commas.")
  private List<String> scope = List.of();

  @Option(
      names = "--for",
      paramLabel = "TIME",
      defaultValue = "1h",
      converter = Where.Time.class,
      description = "How long the task lives at most (${DEFAULT-VALUE}).")
  private Duration lifetime = Duration.ofHours(1);

  @Option(
      names = "--listen",
      paramLabel = "PORT",
      description = "Listens there on the loopback address, 0 for any port, and prints the URL.")
  private Optional<Integer> port = Optional.empty();

  public McpCommand(Cli cli) {
    this.cli = cli;
  }

  @Override
  public Integer call() {
    if (intent.isPresent() && task.isPresent()) {
      return Refusal.tell(
          "USAGE", "--intent opens a task; --task names one", Exit.USAGE, cli, false);
    } else if (intent.isEmpty()) {
      return carry(
          task.or(
              () -> Optional.ofNullable(System.getenv("EXEAT_TASK")).filter(it -> !it.isEmpty())));
    }
    return Session.asAgent(cli, where, this::underOwnTask);
  }

  private int underOwnTask(Session session) {
    Task opened =
        session
            .tasks()
            .open(
                TaskCommand.request(
                        intent.orElseThrow(), parameters, scope, lifetime, Binding.BINDING_PROCESS)
                    .setIdempotencyKey(TaskCommand.freshKey())
                    .build());
    try {
      return carry(Optional.of(opened.getId()));
    } finally {
      // Killed, the broker sees this process end and ends the task by itself.
      try {
        var _ =
            session
                .tasks()
                .complete(CompleteRequest.newBuilder().setTaskId(opened.getId()).build());
      } catch (StatusRuntimeException e) {
        cli.err().println("exeat: could not complete " + opened.getId() + ": " + e.getStatus());
      }
    }
  }

  private int carry(Optional<String> under) {
    Path gateway = socket();
    if (!Files.exists(gateway)) {
      return Refusal.tell(
          "NO_BROKER",
          "no MCP gateway serves "
              + gateway
              + ": there is no such socket, or this user may not see it. Is mcp in the sidecar's"
              + " configuration? Name another with --mcp-socket or EXEAT_MCP_SOCKET.",
          Exit.UNAVAILABLE,
          cli,
          false);
    }
    McpRoute route = new McpRoute(gateway, upstream, under);
    try {
      if (port.isPresent()) {
        listen(route, port.get());
      } else {
        new McpPipe(route, protocol()).run(System.in);
      }
      return Exit.OK;
    } catch (IOException e) {
      return Refusal.tell(
          "UNAVAILABLE", String.valueOf(e.getMessage()), Exit.UNAVAILABLE, cli, false);
    }
  }

  private void listen(McpRoute route, int at) throws IOException {
    try (McpListener listener = new McpListener(route, at)) {
      cli.out().println(listener.url());
      cli.out().flush();
      listener.run();
    }
  }

  private Path socket() {
    return socket
        .or(() ->
            Optional.ofNullable(System.getenv("EXEAT_MCP_SOCKET"))
                .filter(it -> !it.isEmpty())
                .map(Path::of))
        .orElseGet(
            () -> where.socket().orElseGet(cli.doors()::agentSocket).resolveSibling("mcp.sock"));
  }

  /** Standard output, for the protocol alone. */
  private static PrintStream protocol() {
    return new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
  }
}
