package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A tool server on the loopback that writes down everything that reaches it. */
final class RecordingServer implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  final List<String> bodies = new CopyOnWriteArrayList<>();
  final List<Map<String, List<String>>> headers = new CopyOnWriteArrayList<>();
  final Map<String, Handler> handlers = new ConcurrentHashMap<>();
  final List<String> broken = new CopyOnWriteArrayList<>();
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  /** Answers a message of one method, or an HTTP method. */
  interface Handler {
    void answer(HttpExchange exchange, JsonNode message) throws IOException;
  }

  RecordingServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/mcp", this::handle);
    server.start();
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/mcp");
  }

  private void handle(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    headers.add(Map.copyOf(exchange.getRequestHeaders()));
    JsonNode message = JSON.readTree(body.isEmpty() ? "{}" : body);
    String key = body.isEmpty() ? exchange.getRequestMethod() : message.path("method").asText();
    bodies.add(body.isEmpty() ? key : body);
    try {
      handlers.getOrDefault(key, (it, _) -> json(it, 404, "{}")).answer(exchange, message);
    } catch (IOException e) {
      broken.add(key);
    } finally {
      exchange.close();
    }
  }

  /** Answers the method with a result. */
  RecordingServer result(String method, String result) {
    handlers.put(
        method,
        (exchange, message) ->
            json(
                exchange,
                200,
                "{\"jsonrpc\":\"2.0\",\"id\":"
                    + message.get("id")
                    + ",\"result\":"
                    + result
                    + "}"));
    return this;
  }

  static void json(HttpExchange exchange, int status, String json) throws IOException {
    byte[] bytes = json.getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  static OutputStream stream(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    return exchange.getResponseBody();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
