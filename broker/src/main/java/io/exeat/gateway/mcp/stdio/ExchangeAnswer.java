package io.exeat.gateway.mcp.stdio;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a server says, as an answer: one message, or a stream when something comes before it. */
final class ExchangeAnswer implements Answer {
  private static final Duration SILENCE = Duration.ofMinutes(1);

  private final Exchange exchange;
  private final int status;
  private final Optional<String> session;
  private final boolean stream;
  private @Nullable ObjectNode first;
  private volatile boolean closed;

  private ExchangeAnswer(
      Exchange exchange,
      int status,
      Optional<String> session,
      boolean stream,
      @Nullable ObjectNode first) {
    this.exchange = exchange;
    this.status = status;
    this.session = session;
    this.stream = stream;
    this.first = first;
  }

  /** What is said unasked. */
  static ExchangeAnswer stream(Exchange exchange) {
    return new ExchangeAnswer(exchange, 200, Optional.empty(), true, null);
  }

  /**
   * The answer to a request, as soon as it begins.
   *
   * @param modern whether the status tells of some errors (specification 2026-07-28)
   * @throws FaultException Unavailable TARGET when it does not begin within the time
   */
  static ExchangeAnswer to(
      Exchange exchange, Optional<String> session, Duration within, boolean modern) {
    try {
      Optional<ObjectNode> first = exchange.next(within);
      if (first.isEmpty()) {
        exchange.close();
        throw new FaultException(
            new Fault.Unavailable(
                Fault.Dependency.TARGET,
                "its tool server did not answer within " + within.toSeconds() + " s",
                Duration.ofSeconds(1)));
      }
      int status = modern ? status(first.get()) : 200;
      return new ExchangeAnswer(exchange, status, session, !exchange.isOver(), first.get());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      exchange.close();
      throw new FaultException(new Fault.NotServing("stopping"), e);
    }
  }

  private static int status(ObjectNode message) {
    return switch (message.path("error").path("code").asInt(0)) {
      case -32601 -> 404;
      case -32020, -32021, -32022 -> 400;
      default -> 200;
    };
  }

  /** Whether it is a single message that says no. */
  boolean isError() {
    return first != null && first.has("error");
  }

  @Override
  public int status() {
    return status;
  }

  @Override
  public Optional<String> session() {
    return session;
  }

  @Override
  public boolean isStream() {
    return stream;
  }

  @Override
  public byte[] whole() throws IOException {
    ObjectNode message = first;
    if (closed || message == null) {
      throw new IOException("closed");
    }
    return Conversation.JSON.writeValueAsBytes(message);
  }

  @Override
  public Optional<Event> next() throws IOException {
    ObjectNode message = first;
    first = null;
    try {
      while (message == null && !closed && !exchange.isOver()) {
        message = exchange.next(SILENCE).orElse(null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (closed) {
      throw new IOException("closed");
    }
    return Optional.ofNullable(message).map(ExchangeAnswer::event);
  }

  private static Event event(ObjectNode message) {
    try {
      return Event.message(Conversation.JSON.writeValueAsBytes(message));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a message that was read cannot be written", e);
    }
  }

  @Override
  public void close() {
    closed = true;
    exchange.close();
  }
}
