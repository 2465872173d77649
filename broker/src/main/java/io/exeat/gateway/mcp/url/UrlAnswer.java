package io.exeat.gateway.mcp.url;

import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** An HTTP response, read as it comes. */
final class UrlAnswer implements Answer {
  /** Of a whole answer, and of one event. */
  private static final int MOST_BYTES = 16 << 20;

  private static final int MOST_LINES = 10_000;

  private final HttpResponse<InputStream> response;
  private final InputStream body;
  private final Duration timeout;
  private final byte[] buffer = new byte[8_192];
  private int at;
  private int end;
  private boolean afterReturn;

  UrlAnswer(HttpResponse<InputStream> response, Duration timeout) {
    this.response = response;
    this.body = response.body();
    this.timeout = timeout;
  }

  @Override
  public int status() {
    return response.statusCode();
  }

  @Override
  public Optional<String> session() {
    return response.headers().firstValue("mcp-session-id");
  }

  @Override
  public boolean isStream() {
    return status() == 200
        && response
            .headers()
            .firstValue("content-type")
            .filter(it -> it.startsWith("text/event-stream"))
            .isPresent();
  }

  @Override
  public byte[] whole() throws IOException {
    CompletableFuture<Void> done = new CompletableFuture<>();
    var _ =
        done.completeOnTimeout(null, timeout.toMillis(), TimeUnit.MILLISECONDS)
            .thenRun(this::close);
    byte[] bytes = body.readNBytes(MOST_BYTES + 1);
    boolean inTime = done.complete(null);
    if (!inTime || bytes.length > MOST_BYTES) {
      throw new IOException("the answer is too large, or took too long");
    }
    return bytes;
  }

  @Override
  public Optional<Event> next() throws IOException {
    List<String> lines = new ArrayList<>();
    int size = 0;
    for (Optional<String> line = line(); line.isPresent(); line = line()) {
      if (line.get().isEmpty()) {
        if (!lines.isEmpty()) {
          return Optional.of(new Event(lines));
        }
      } else {
        lines.add(line.get());
        size += line.get().length();
        if (size > MOST_BYTES || lines.size() > MOST_LINES) {
          throw new IOException("an event is too large");
        }
      }
    }
    return Optional.empty(); // what was begun and not ended is no event
  }

  /** Up to CR, LF or both; empty at the end. */
  private Optional<String> line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      if (at == end) {
        at = 0;
        end = body.read(buffer);
        if (end < 0) {
          end = 0;
          return Optional.empty();
        }
      }
      while (at < end) {
        byte next = buffer[at++];
        if (next == '\n' && afterReturn) {
          afterReturn = false;
        } else if (next == '\n' || next == '\r') {
          afterReturn = next == '\r';
          return Optional.of(line.toString(StandardCharsets.UTF_8));
        } else {
          afterReturn = false;
          line.write(next);
          if (line.size() > MOST_BYTES) {
            throw new IOException("an event is too large");
          }
        }
      }
    }
  }

  @Override
  public void close() {
    try {
      body.close();
    } catch (IOException e) {
      throw new IllegalStateException("a response's body cannot be closed", e);
    }
  }
}
