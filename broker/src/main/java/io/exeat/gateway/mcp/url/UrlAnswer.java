package io.exeat.gateway.mcp.url;

import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** An HTTP response, read as it comes. */
final class UrlAnswer implements Answer {
  /** Of a whole answer, and of one event. */
  private static final int MOST_BYTES = 16 << 20;

  private static final int MOST_LINES = 10_000;

  private final HttpResponse head;
  private final Reply body;
  private final Duration timeout;
  private final byte[] buffer = new byte[8_192];
  private int at;
  private int end;
  private boolean afterReturn;

  UrlAnswer(HttpResponse head, Reply body, Duration timeout) {
    this.head = head;
    this.body = body;
    this.timeout = timeout;
  }

  @Override
  public int status() {
    return head.status().code();
  }

  @Override
  public Optional<String> session() {
    return Optional.ofNullable(head.headers().get("mcp-session-id"));
  }

  @Override
  public boolean isStream() {
    return status() == 200
        && Optional.ofNullable(head.headers().get(HttpHeaderNames.CONTENT_TYPE))
            .filter(it -> it.startsWith("text/event-stream"))
            .isPresent();
  }

  @Override
  public byte[] whole() throws IOException {
    body.endWithin(timeout);
    byte[] bytes = body.readNBytes(MOST_BYTES + 1);
    if (bytes.length > MOST_BYTES) {
      throw new IOException("the answer is too large");
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
    body.close();
  }
}
