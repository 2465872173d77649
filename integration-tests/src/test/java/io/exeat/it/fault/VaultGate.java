package io.exeat.it.fault;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.exeat.it.environment.OpenBao;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Stands in Vault's place, with its certificate, and passes each request on as one: so that a fault
 * can meet the broker before or after any of its calls.
 */
final class VaultGate implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Set<String> NOT_PASSED_ON =
      Set.of("host", "connection", "content-length", "upgrade", "http2-settings", "te");

  private static final String UTC = "\"server_time_utc\":";

  private final OpenBao vault;
  private final HttpsServer server;
  private final HttpClient http;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger calls = new AtomicInteger();
  private final ConcurrentLinkedQueue<String> names = new ConcurrentLinkedQueue<>();
  private volatile Fault fault = (number, call) -> Fate.PASS;
  private volatile Duration clock = Duration.ZERO;

  /** What becomes of a call. */
  sealed interface Fate {
    Fate PASS = new Pass(Duration.ZERO);

    /** Vault does it; its answer comes so much later. */
    record Pass(Duration late) implements Fate {}

    /** This happens, and Vault never hears of the call. */
    record Before(Runnable event) implements Fate {}

    /** Vault does it, then this happens, then its answer is heard. */
    record Between(Runnable event) implements Fate {}

    /** Vault does it, then this happens, and nobody hears the answer. */
    record After(Runnable event) implements Fate {}

    /** Vault never hears of the call, and this is the answer. */
    record Answer(int status) implements Fate {}
  }

  /** Decides about each call. */
  @FunctionalInterface
  interface Fault {
    /**
     * @param number of the call, from 1, since {@link #meet}
     * @param call such as {@code GET database/creds/orders-read}
     */
    Fate of(int number, String call);
  }

  VaultGate(OpenBao vault) {
    this.vault = vault;
    this.http = HttpClient.newBuilder().sslContext(vault.trust()).build();
    try {
      this.server =
          HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setHttpsConfigurator(new HttpsConfigurator(vault.server()));
    server.setExecutor(threads);
    server.createContext("/", this::serve);
    server.start();
  }

  URI address() {
    return URI.create("https://127.0.0.1:" + server.getAddress().getPort());
  }

  /** From the next call on. */
  void meet(Fault next) {
    fault = next;
    calls.set(0);
    names.clear();
  }

  /** Nothing any more. */
  void mend() {
    meet((number, call) -> Fate.PASS);
    clock = Duration.ZERO;
  }

  /** What its answers say the time is, from now. */
  void shiftClock(Duration by) {
    clock = by;
  }

  /** How many since {@link #meet}. */
  int calls() {
    return calls.get();
  }

  List<String> names() {
    return List.copyOf(names);
  }

  private void serve(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String path = exchange.getRequestURI().toString();
    String call = exchange.getRequestMethod() + " " + path.replaceFirst("^/v1/", "");
    names.add(call);
    Fate fate = fault.of(calls.incrementAndGet(), call);
    try (exchange) {
      switch (fate) {
        case Fate.Before before -> before.event.run();
        case Fate.After after -> {
          var _ = pass(exchange, body);
          after.event.run();
        }
        case Fate.Between between -> {
          HttpResponse<byte[]> answer = pass(exchange, body);
          between.event.run();
          give(exchange, answer);
        }
        case Fate.Answer answer -> {
          exchange.sendResponseHeaders(answer.status, -1);
        }
        case Fate.Pass pass -> {
          HttpResponse<byte[]> answer = pass(exchange, body);
          LockSupport.parkNanos(pass.late.toNanos());
          give(exchange, answer);
        }
      }
    }
  }

  private HttpResponse<byte[]> pass(HttpExchange exchange, byte[] body) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(vault.address().resolve(exchange.getRequestURI().toString()))
            .timeout(PATIENCE)
            .method(
                exchange.getRequestMethod(),
                body.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    for (Map.Entry<String, List<String>> header : exchange.getRequestHeaders().entrySet()) {
      if (!NOT_PASSED_ON.contains(header.getKey().toLowerCase(Locale.ROOT))) {
        header.getValue().forEach(value -> request.header(header.getKey(), value));
      }
    }
    try {
      return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private void give(HttpExchange exchange, HttpResponse<byte[]> answer) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    answer.headers().firstValue("Content-Type").ifPresent(it -> headers.set("Content-Type", it));
    if (!clock.isZero()) {
      headers.set(
          "Date",
          DateTimeFormatter.RFC_1123_DATE_TIME.format(
              ZonedDateTime.now(ZoneOffset.UTC).plus(clock)));
    }
    byte[] body = told(answer.body());
    exchange.sendResponseHeaders(answer.statusCode(), body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(body);
      }
    }
  }

  /** What {@code sys/health} says of the time, too. */
  private byte[] told(byte[] body) {
    String text = new String(body, StandardCharsets.UTF_8);
    if (clock.isZero() || !text.contains(UTC)) {
      return body;
    }
    long now = Instant.now().plus(clock).getEpochSecond();
    return text.replaceAll(UTC + "[0-9]+", UTC + now).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    http.shutdownNow();
  }
}
