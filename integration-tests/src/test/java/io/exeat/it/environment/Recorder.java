package io.exeat.it.environment;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * An upstream that writes down what reaches it, and answers everything with one JSON-RPC result.
 */
public final class Recorder implements AutoCloseable {
  private final List<Request> reached = new CopyOnWriteArrayList<>();
  private final HttpServer server;

  /**
   * One request.
   *
   * @param line method and target
   */
  public record Request(String line, Map<String, List<String>> headers, String body) {}

  public Recorder() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext(
        "/",
        exchange -> {
          String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
          reached.add(
              new Request(
                  exchange.getRequestMethod() + " " + exchange.getRequestURI(),
                  Map.copyOf(exchange.getRequestHeaders()),
                  body));
          byte[] answer = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}".getBytes(UTF_8);
          exchange.getResponseHeaders().set("content-type", "application/json");
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
  }

  public int port() {
    return server.getAddress().getPort();
  }

  /** Everything so far, in its order. */
  public List<Request> reached() {
    return reached;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
