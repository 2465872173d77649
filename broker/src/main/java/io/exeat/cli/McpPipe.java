package io.exeat.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Carries an MCP client's lines to the gateway's socket and what comes back to its lines. It holds
 * no secret and decides nothing: whoever may run it could as well speak to the socket itself.
 */
final class McpPipe {
  private static final int MOST_AT_ONCE = 64;
  private static final int MOST_RESUMPTIONS = 20;
  private static final long LAST_WORDS_SECONDS = 5;
  private static final int INVALID = -32600;
  private static final int FAILED = -32603;

  /** Of those that JSON-RPC leaves to servers. */
  private static final int BUSY = -32000;

  private final McpRoute route;
  private final PrintStream out;
  private final Semaphore room = new Semaphore(MOST_AT_ONCE);
  private final ConcurrentMap<String, McpConnection> underWay = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Map<String, String>> mirrored = new ConcurrentHashMap<>();
  private volatile Optional<String> session = Optional.empty();
  private volatile Optional<String> negotiated = Optional.empty();

  McpPipe(McpRoute route, PrintStream out) {
    this.route = route;
    this.out = out;
  }

  /** Until {@code in} ends; then what is under way is given up and a session is ended. */
  void run(InputStream in) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    try (ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.isBlank()) {
          take(line, calls);
        }
      }
      calls.shutdown();
      // A client that has said all may still want to hear.
      if (!await(calls)) {
        underWay.values().forEach(McpConnection::giveUp);
      }
    } finally {
      end();
    }
  }

  private static boolean await(ExecutorService calls) {
    try {
      return calls.awaitTermination(LAST_WORDS_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void take(String line, ExecutorService calls) {
    Optional<McpMessage> read = McpMessage.read(line);
    if (read.isEmpty()) {
      say(McpMessage.error(MissingNode.getInstance(), INVALID, "a line must hold one JSON object"));
      return;
    }
    McpMessage message = read.get();
    if (message.method().equals("notifications/cancelled") && negotiated.isEmpty()) {
      // Without sessions, to close the answer's stream is to cancel (2026-07-28).
      String id = message.json().path("params").path("requestId").toString();
      Optional.ofNullable(underWay.get(id)).ifPresent(McpConnection::giveUp);
    } else if (message.isRequest() && !message.method().equals("initialize")) {
      if (!room.tryAcquire()) { // to wait here would keep what cancels those from being read
        say(
            McpMessage.error(
                message.id(),
                BUSY,
                MOST_AT_ONCE + " calls are under way; call again when one is answered"));
        return;
      }
      // Before the next line is read, which may cancel it.
      underWay.put(message.id().toString(), new McpConnection());
      calls.execute(() -> {
        try {
          post(message, line);
        } finally {
          room.release();
        }
      });
    } else {
      // In order: what follows may build on it.
      post(message, line);
      if (message.method().equals("notifications/initialized") && session.isPresent()) {
        Thread.ofVirtual().name("mcp-listen").start(this::listen);
      }
    }
  }

  private void post(McpMessage message, String line) {
    String id = message.id().toString();
    try (UnixHttp answer =
        route.send(
            "POST",
            headers(message),
            line,
            underWay.computeIfAbsent(id, _ -> new McpConnection())::opened)) {
      answer.header("mcp-session-id").ifPresent(it -> session = Optional.of(it));
      if (answer.isEvents()) {
        follow(answer, message);
      } else {
        String body = new String(answer.stream().readAllBytes(), StandardCharsets.UTF_8);
        if (!hear(body, message) && (message.isRequest() || answer.status() >= 400)) {
          say(McpMessage.error(message.id(), FAILED, "the gateway answered " + answer.status()));
        }
      }
    } catch (ClosedChannelException e) {
      // Cancelled: nobody waits for an answer any more.
    } catch (IOException e) {
      if (message.isRequest()) {
        say(McpMessage.error(message.id(), FAILED, "the gateway gave no answer: " + reason(e)));
      }
    } finally {
      underWay.remove(id);
    }
  }

  /** An answer as a stream, taken up again where it breaks off, as far as the server can. */
  private void follow(UnixHttp answer, McpMessage message) throws IOException {
    Place place = new Place();
    boolean answered = copy(answer, message, place);
    for (int tries = 0; !answered && tries < MOST_RESUMPTIONS; tries++) {
      if (place.last.isEmpty() || session.isEmpty()) {
        throw new IOException("its stream ended");
      }
      place.pause();
      try (UnixHttp more = route.send("GET", resuming(place), "", channel -> {})) {
        if (more.status() != 200) {
          throw new IOException("its stream cannot be taken up again");
        }
        answered = copy(more, message, place);
      }
    }
    if (!answered) {
      throw new IOException("its stream broke off too often");
    }
  }

  /** Until the stream ends; whether the answer was in it. */
  private boolean copy(UnixHttp from, McpMessage message, Place place)
      throws ClosedChannelException {
    boolean answered = false;
    try {
      Events events = new Events(from.stream());
      for (var event = events.next(); event.isPresent(); event = events.next()) {
        place.at(event.get());
        Optional<McpMessage> said = McpMessage.read(event.get().data());
        answered |=
            said.filter(it -> it.method().isEmpty() && it.id().equals(message.id())).isPresent();
        hear(event.get().data(), message);
      }
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      // A stream that breaks off is as good as one that ends.
    }
    return answered;
  }

  /** What a server says unasked, for as long as the session lasts (until 2025-11-25). */
  private void listen() {
    McpMessage nobody = new McpMessage(MissingNode.getInstance());
    Place place = new Place();
    while (session.isPresent()) {
      try (UnixHttp stream =
          route.send(
              "GET",
              resuming(place),
              "",
              underWay.computeIfAbsent("", _ -> new McpConnection())::opened)) {
        if (stream.status() != 200 || !stream.isEvents()) {
          return; // it has none
        }
        boolean _ = copy(stream, nobody, place);
        place.pause();
      } catch (IOException e) {
        return;
      } finally {
        underWay.remove("");
      }
    }
  }

  private Map<String, String> headers(McpMessage message) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Content-Type", "application/json");
    headers.put("Accept", "application/json, text/event-stream");
    session.ifPresent(it -> headers.put("Mcp-Session-Id", it));
    Optional<String> named = message.version();
    named.or(() -> negotiated).ifPresent(it -> headers.put("MCP-Protocol-Version", it));
    if (named.isPresent()) {
      String tool = message.json().path("params").path("name").asText("");
      headers.putAll(
          message.headers(
              message.method().equals("tools/call")
                  ? mirrored.getOrDefault(tool, Map.of())
                  : Map.of()));
    }
    return headers;
  }

  private Map<String, String> resuming(Place place) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Accept", "text/event-stream");
    session.ifPresent(it -> headers.put("Mcp-Session-Id", it));
    negotiated.ifPresent(it -> headers.put("MCP-Protocol-Version", it));
    place.last.ifPresent(it -> headers.put("Last-Event-ID", it));
    return headers;
  }

  /** Says it on, and learns from it; whether there was a message. */
  private boolean hear(String text, McpMessage asked) {
    Optional<McpMessage> read = McpMessage.read(text);
    if (read.isEmpty()) {
      return false;
    }
    JsonNode json = read.get().json();
    if (asked.method().equals("initialize") && json.path("result").has("protocolVersion")) {
      negotiated = Optional.of(json.path("result").path("protocolVersion").asText());
    } else if (asked.method().equals("tools/list")) {
      mirrored.putAll(McpMessage.mirrored(json));
    }
    say(text.indexOf('\n') < 0 && text.indexOf('\r') < 0 ? text : read.get().line());
    return true;
  }

  private void say(String line) {
    synchronized (out) {
      out.println(line);
      out.flush();
    }
  }

  private void end() {
    if (session.isEmpty()) {
      return;
    }
    Map<String, String> headers = resuming(new Place());
    session = Optional.empty();
    Optional.ofNullable(underWay.get("")).ifPresent(McpConnection::giveUp);
    try (UnixHttp answer = route.send("DELETE", headers, "", channel -> {})) {
      var _ = answer.status();
    } catch (IOException e) {
      // It ends with the task all the same.
    }
  }

  private static String reason(IOException e) {
    return Optional.ofNullable(e.getMessage()).orElseGet(() -> e.getClass().getSimpleName());
  }

  /** How far a stream has come. */
  private static final class Place {
    private static final long LONGEST_PAUSE = 5_000;

    private Optional<String> last = Optional.empty();
    private long pause = 200;

    void at(Events.Event event) {
      last = event.id().or(() -> last);
      pause = event.retry().map(it -> Math.min(it, LONGEST_PAUSE)).orElse(pause);
    }

    void pause() {
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
