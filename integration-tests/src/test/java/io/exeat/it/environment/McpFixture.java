package io.exeat.it.environment;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Our own MCP server, {@code fixture_server.py}, over HTTP on the loopback address. */
public final class McpFixture implements AutoCloseable {
  private final Process process;
  private final URI address;
  private final Path folder;

  private McpFixture(Process process, URI address, Path folder) {
    this.process = process;
    this.address = address;
    this.folder = folder;
  }

  /** It answers when this returns. */
  public static McpFixture start(McpParts parts) {
    try {
      int port = Processes.freePort();
      Path folder = Files.createTempDirectory("mcp-fixture");
      List<String> command = new ArrayList<>(List.of(parts.python().toString()));
      command.addAll(List.of(McpParts.fixture().toString(), "--port", Integer.toString(port)));
      command.addAll(List.of("--effects", folder.resolve("effects").toString()));
      Process process = Processes.start(command, folder.resolve("log"));
      McpFixture fixture =
          new McpFixture(process, URI.create("http://127.0.0.1:" + port + "/mcp"), folder);
      Runtime.getRuntime().addShutdownHook(new Thread(fixture::close));
      Processes.await(
          "the MCP fixture's start",
          Duration.ofSeconds(60),
          () -> {
            if (!process.isAlive()) {
              throw new IllegalStateException("the MCP fixture ended: " + fixture.log());
            }
            return Processes.answers(port);
          });
      return fixture;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of its endpoint, for both eras. */
  public URI address() {
    return address;
  }

  /** The names of its tools or prompts, as it lists them. */
  public List<String> names(String what) {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(address)
              .timeout(Duration.ofSeconds(20))
              .header("Content-Type", "application/json")
              .header("Accept", "application/json, text/event-stream")
              .header("MCP-Protocol-Version", "2026-07-28")
              .header("Mcp-Method", what + "/list")
              .POST(HttpRequest.BodyPublishers.ofString(McpClient.ask(1, what + "/list", "")))
              .build();
      String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
      List<String> names = new ArrayList<>();
      new ObjectMapper()
          .readTree(body.substring(body.indexOf('{')))
          .path("result")
          .path(what)
          .forEach(each -> names.add(each.path("name").asText()));
      return names;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The catalogue's entry of this name for it: all that it has. */
  public String upstream(String name) {
    return McpStage.at(name, address, names("tools"))
        + "    resources:\n      all: {uri: \"test://*\", step: retrieve}\n    prompts:\n"
        + names("prompts").stream()
            .map(prompt -> "      " + prompt + ": {step: retrieve}\n")
            .collect(Collectors.joining());
  }

  /** What it has said. */
  public String log() {
    return read("log");
  }

  /** What its tool {@code effect} did, a line of JSON each. */
  public List<String> effects() {
    return read("effects").lines().toList();
  }

  private String read(String name) {
    try {
      Path file = folder.resolve(name);
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    Processes.end(process, "TERM");
    Processes.delete(folder);
  }
}
