package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A tool server that does whatever it is told and keeps every request as it came. It is as careless
 * as a server can be: it looks at no header, and answers anything.
 */
public final class RecordingUpstream implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Queue<Seen> seen = new ConcurrentLinkedQueue<>();

  /**
   * One request.
   *
   * @param at by the clock that the audit chain has
   * @param headers by their names in lower case
   */
  public record Seen(Instant at, String method, Map<String, List<String>> headers, String body) {
    public JsonNode json() {
      try {
        return JSON.readTree(body.isEmpty() ? "{}" : body);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Whether it was told to do something. */
    public boolean isCall() {
      return json().path("method").asText().equals("tools/call");
    }
  }

  private RecordingUpstream() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
    server.setExecutor(threads);
    server.createContext("/", this::serve);
    server.start();
  }

  public static RecordingUpstream start() {
    try {
      return new RecordingUpstream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/mcp");
  }

  /** All requests until now. */
  public List<Seen> seen() {
    return List.copyOf(seen);
  }

  /** Those that told it to do something. */
  public List<Seen> calls() {
    return seen.stream().filter(Seen::isCall).toList();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      Instant at = Instant.now();
      Map<String, List<String>> headers = new TreeMap<>();
      exchange
          .getRequestHeaders()
          .forEach((name, values) ->
              headers.put(name.toLowerCase(java.util.Locale.ROOT), List.copyOf(values)));
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      Seen request = new Seen(at, exchange.getRequestMethod(), headers, body);
      seen.add(request);
      byte[] answer = answer(request).getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().add("Content-Type", "application/json");
      if (answer.length == 0) {
        exchange.sendResponseHeaders(202, -1);
      } else {
        exchange.sendResponseHeaders(200, answer.length);
        exchange.getResponseBody().write(answer);
      }
    }
  }

  private static String answer(Seen request) {
    JsonNode asked = request.json();
    if (!asked.has("id")) {
      return "";
    }
    ObjectNode answer = JSON.createObjectNode().put("jsonrpc", "2.0");
    answer.set("id", asked.path("id"));
    ObjectNode result = answer.putObject("result").put("resultType", "complete");
    switch (asked.path("method").asText()) {
      case "initialize" -> {
        result.put("protocolVersion", "2025-11-25").putObject("capabilities").putObject("tools");
        result.putObject("serverInfo").put("name", "recording").put("version", "1");
      }
      case "tools/list" -> {
        for (String name : List.of("read", "write", "pay", "hidden")) {
          result
              .withArray("tools")
              .addObject()
              .put("name", name)
              .put("description", "Does it")
              .putObject("inputSchema")
              .put("type", "object");
        }
        result.put("ttlMs", 60_000).put("cacheScope", "public");
      }
      case "tools/call" ->
          result
              .withArray("content")
              .addObject()
              .put("type", "text")
              // Everything that it was sent with, as a server does that helps with debugging.
              .put("text", "done with " + request.headers());
      default -> {}
    }
    return answer.toString();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
