package io.exeat.gateway.mcp.stdio;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One server's process and who speaks with it: one client's session (until 2025-11-25), or all
 * stateless requests of a task (2026-07-28). What it says is given to whom it concerns.
 */
final class Conversation implements AutoCloseable {
  /** What a server says is read exactly as it is: numbers keep their digits. */
  static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private static final int MOST_STARTS = 5;
  private static final Duration STARTS_WITHIN = Duration.ofMinutes(1);
  private static final String TARGET_AWAY = "its tool server ends again and again";

  /** Starts the server's process. */
  interface Starter {
    ServerProcess start(ServerProcess.Heard heard) throws IOException;
  }

  /** Says something of it to whoever runs the broker. */
  interface Log {
    void line(String words);
  }

  private final Starter starter;
  private final boolean session;
  private final Time time;
  private final Log log;
  private final AtomicLong numbers = new AtomicLong();
  private final ConcurrentSkipListMap<Long, Exchange> open = new ConcurrentSkipListMap<>();
  private final Deque<Long> starts = new ArrayDeque<>();
  private volatile @Nullable Exchange listener;
  private @Nullable ServerProcess process;
  private boolean closed;

  /**
   * Starts nothing yet.
   *
   * @param session whether it is one client's, to be over when its process is
   */
  Conversation(Starter starter, boolean session, Time time, Log log) {
    this.starter = starter;
    this.session = session;
    this.time = time;
    this.log = log;
  }

  /**
   * Says a request to the server, which is started for the first one and, without sessions, again
   * when it has ended.
   *
   * @throws FaultException Unavailable TARGET when the server does not run or listen
   */
  Exchange ask(ObjectNode request) {
    long number = numbers.incrementAndGet();
    JsonNode id = request.path("id");
    ObjectNode sent = request.deepCopy();
    sent.put("id", number);
    @Nullable JsonNode token = null;
    if (sent.path("params").path("_meta") instanceof ObjectNode meta && meta.has("progressToken")) {
      token = meta.get("progressToken");
      meta.put("progressToken", number);
    }
    Exchange exchange = new Exchange(number, id, token, () -> cancel(number));
    open.put(number, exchange);
    try {
      say(sent);
      return exchange;
    } catch (RuntimeException e) {
      open.remove(number);
      throw e;
    }
  }

  /** Says a notification or a client's answer. */
  void tell(ObjectNode message) {
    if (message.path("method").asText("").equals("notifications/cancelled")
        && message.path("params") instanceof ObjectNode params) {
      JsonNode asked = params.path("requestId");
      open.forEach((number, exchange) -> {
        if (exchange.id().equals(asked)) {
          params.put("requestId", number);
        }
      });
    }
    say(message);
  }

  /** What the server says unasked, from now on; who listened before hears no more. */
  Exchange listen() {
    Exchange fresh = new Exchange(0, MissingNode.getInstance(), null, () -> listener = null);
    @Nullable Exchange before = listener;
    listener = fresh;
    if (before != null) {
      before.fail("");
    }
    return fresh;
  }

  /** Whether a session's process has ended, and the session with it. */
  synchronized boolean isOver() {
    return closed || (session && process != null && !process.isAlive());
  }

  private void cancel(long number) {
    if (open.remove(number) == null) {
      return;
    }
    ObjectNode cancel = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
    cancel.put("method", "notifications/cancelled").putObject("params").put("requestId", number);
    boolean interrupted = Thread.interrupted(); // who gives up was, often; it could say nothing
    try {
      say(cancel);
    } catch (FaultException e) {
      // It has nothing to stop any more.
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void say(ObjectNode message) {
    try {
      running().say(JSON.writeValueAsBytes(message));
    } catch (IOException e) {
      throw away(String.valueOf(e.getMessage()), e);
    }
  }

  private synchronized ServerProcess running() throws IOException {
    @Nullable ServerProcess now = process;
    if (closed || (session && now != null && !now.isAlive())) {
      throw new IOException("its tool server has ended");
    } else if (now != null && now.isAlive()) {
      return now;
    }
    while (!starts.isEmpty() && time.reached(starts.getFirst())) {
      starts.removeFirst();
    }
    if (starts.size() == MOST_STARTS) {
      throw new IOException(TARGET_AWAY);
    }
    starts.addLast(time.after(STARTS_WITHIN));
    if (now != null) {
      now.close();
    }
    ServerProcess fresh = starter.start(new Hearing());
    process = fresh;
    return fresh;
  }

  private static FaultException away(String problem, Throwable cause) {
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.TARGET, problem, Duration.ofSeconds(1)), cause);
  }

  /** Ends the server. Idempotent. */
  @Override
  public void close() {
    @Nullable ServerProcess running;
    synchronized (this) {
      closed = true;
      running = process;
    }
    failAll("the tool server was ended with what it was used under");
    if (running != null) {
      running.close();
    }
  }

  private void failAll(String why) {
    for (Map.Entry<Long, Exchange> each : open.entrySet()) {
      if (open.remove(each.getKey()) != null) {
        each.getValue().fail(why);
      }
    }
    Optional.ofNullable(listener).ifPresent(it -> it.fail(why));
  }

  /** Gives each line to whom it concerns. */
  private final class Hearing implements ServerProcess.Heard {
    @Override
    public void line(byte[] line) {
      if (!(read(line) instanceof ObjectNode message)) {
        noise("a line on standard output that is no JSON object was dropped");
        return;
      }
      boolean isAnswer = !message.has("method");
      if (isAnswer) {
        @Nullable Exchange asked = open.remove(message.path("id").asLong(-1));
        if (asked != null) {
          asked.hear(message);
        }
        return;
      } else if (message.has("id") && !session) {
        noise("a request was dropped: without sessions a server asks nothing by itself");
        return;
      }
      concerned(message).ifPresent(it -> it.hear(message));
    }

    private static @Nullable JsonNode read(byte[] line) {
      try {
        return JSON.readTree(line);
      } catch (IOException e) {
        return null;
      }
    }

    private Optional<Exchange> concerned(ObjectNode message) {
      JsonNode params = message.path("params");
      JsonNode number =
          message.path("method").asText().equals("notifications/progress")
              ? params.path("progressToken")
              : params.path("_meta").path("io.modelcontextprotocol/subscriptionId");
      if (!number.isMissingNode()) {
        return Optional.ofNullable(open.get(number.asLong(-1)));
      } else if (listener != null) {
        return Optional.ofNullable(listener);
      }
      // One client's: then it is of the latest request. Of several it could be another's.
      return session || open.size() == 1
          ? Optional.ofNullable(open.lastEntry()).map(Map.Entry::getValue)
          : Optional.empty();
    }

    @Override
    public void noise(String words) {
      log.line(words);
    }

    @Override
    public void over(int code) {
      log.line("ended with code " + code);
      failAll("the tool server has ended");
    }
  }
}
