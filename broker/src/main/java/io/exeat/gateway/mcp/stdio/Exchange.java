package io.exeat.gateway.mcp.stdio;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a server says to one request of a client's, up to the answer; or, without a request, what it
 * says unasked.
 */
final class Exchange implements AutoCloseable {
  private static final int MOST_UNREAD = 256;
  private static final int FAILED = -32603;
  private static final String SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

  /** Its place in the queue's end: nothing comes behind it. */
  private static final ObjectNode OVER = JsonNodeFactory.instance.objectNode();

  private final long number;
  private final JsonNode id;
  private final @Nullable JsonNode progressToken;
  private final Runnable close;
  private final BlockingQueue<ObjectNode> said = new LinkedBlockingQueue<>(MOST_UNREAD);
  private boolean over;

  /**
   * For a request.
   *
   * @param number its id towards the server: ours, for two clients may have chosen the same
   * @param id the client's
   * @param close is run when nobody wants to hear any more
   */
  Exchange(long number, JsonNode id, @Nullable JsonNode progressToken, Runnable close) {
    this.number = number;
    this.id = id;
    this.progressToken = progressToken;
    this.close = close;
  }

  /** The client's id. */
  JsonNode id() {
    return id;
  }

  /**
   * The next message, which may be the answer; empty when there is none for so long. Ask {@link
   * #isOver} which of the two it is.
   */
  @SuppressWarnings("ReferenceEquality") // because a server could say what equals OVER
  Optional<ObjectNode> next(Duration within) throws InterruptedException {
    if (over) {
      return Optional.empty();
    }
    ObjectNode next = said.poll(within.toMillis(), TimeUnit.MILLISECONDS);
    if (next == null) {
      return Optional.empty();
    } else if (next == OVER) {
      over = true;
      return Optional.empty();
    }
    over = isAnswer(next);
    return Optional.of(next);
  }

  /** Whether nothing follows what {@link #next} gave last. */
  boolean isOver() {
    return over;
  }

  private static boolean isAnswer(ObjectNode message) {
    return !message.has("method");
  }

  /**
   * From the server; in the client's own words. Of a client that does not read, nothing is kept.
   */
  void hear(ObjectNode message) {
    if (isAnswer(message)) {
      message.set("id", id);
    }
    ObjectNode meta =
        (isAnswer(message) ? message.path("result") : message.path("params")).path("_meta")
                instanceof ObjectNode it
            ? it
            : null;
    if (meta != null && meta.path(SUBSCRIPTION).asText("").equals(Long.toString(number))) {
      meta.set(SUBSCRIPTION, id);
    }
    if (message.path("method").asText("").equals("notifications/progress")
        && progressToken != null
        && message.path("params") instanceof ObjectNode params) {
      params.set("progressToken", progressToken);
    }
    if (!said.offer(message) && isAnswer(message)) {
      said.clear();
      fail("its answer came faster than it was read");
    }
  }

  /** There will be no answer of the server's. */
  void fail(String why) {
    if (id.isValueNode() && !id.isMissingNode()) {
      ObjectNode answer = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
      answer.set("id", id);
      answer.putObject("error").put("code", FAILED).put("message", why);
      var _ = said.offer(answer);
    }
    var _ = said.offer(OVER);
  }

  /** Nobody wants to hear any more: the server is told to stop, unless it has answered. */
  @Override
  public void close() {
    close.run();
    said.clear();
    var _ = said.offer(OVER); // for whoever waits
  }
}
