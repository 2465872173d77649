package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.attest.Peer;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A request in memory, and what was answered to it. */
final class FakeExchange implements Exchange {
  private final String method;
  private final String path;
  private final Headers headers = new Headers();
  private final byte[] body;
  private final StringBuilder said = new StringBuilder();
  private final CountDownLatch answered = new CountDownLatch(1);
  private final List<Runnable> whenGone = new CopyOnWriteArrayList<>();
  private volatile int status;
  private volatile Map<String, String> answerHeaders = Map.of();
  private volatile boolean isGone;
  private volatile Runnable beforeSending = () -> {};

  FakeExchange(String method, String path, byte[] body, String... headers) {
    this.method = method;
    this.path = path;
    this.body = body;
    this.headers.add("host", "localhost");
    for (int i = 0; i < headers.length; i += 2) {
      this.headers.add(headers[i], headers[i + 1]);
    }
  }

  /** A message to the upstream {@code web}. */
  static FakeExchange post(String json, String... more) {
    return post(json.getBytes(UTF_8), more);
  }

  static FakeExchange post(byte[] json, String... more) {
    FakeExchange exchange = new FakeExchange("POST", "/web/mcp", json, more);
    exchange.headers.add("content-type", "application/json");
    exchange.headers.add("accept", "application/json, text/event-stream");
    return exchange;
  }

  int status() {
    return status;
  }

  synchronized String said() {
    return said.toString();
  }

  Map<String, String> answerHeaders() {
    return answerHeaders;
  }

  /** The session that was begun; empty when none was. */
  String session() {
    return answerHeaders.getOrDefault(Headers.SESSION, "");
  }

  void awaitAnswer() throws InterruptedException {
    if (!answered.await(10, TimeUnit.SECONDS)) {
      throw new AssertionError("no answer; so far: " + said());
    }
  }

  void awaitSaid(String part) throws InterruptedException {
    for (int i = 0; i < 1_000 && !said().contains(part); i++) {
      Thread.sleep(10);
    }
    if (!said().contains(part)) {
      throw new AssertionError("not said: " + part + "; but: " + said());
    }
  }

  /** Runs this before each further event of a stream is out, as an asker who does not read. */
  void beforeSending(Runnable then) {
    beforeSending = then;
  }

  /** The asker goes away, and nobody notices before something is sent. */
  void loses() {
    isGone = true;
  }

  /** The asker goes away. */
  void leave() {
    isGone = true;
    whenGone.forEach(Runnable::run);
  }

  @Override
  public Peer peer() {
    return new Peer.Vouched(SpiffeId.parse("spiffe://example.org/agent"), "test");
  }

  @Override
  public String method() {
    return method;
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public Headers headers() {
    return headers;
  }

  @Override
  public byte[] body() {
    return body;
  }

  @Override
  public void answer(int code, Map<String, String> more, byte[] content) {
    synchronized (this) {
      said.append(new String(content, UTF_8));
    }
    status = code;
    answerHeaders = new TreeMap<>(more);
    answered.countDown();
  }

  @Override
  public Sink stream(Map<String, String> more) {
    status = 200;
    answerHeaders = new TreeMap<>(more);
    return new Sink() {
      @Override
      public void send(byte[] event) throws IOException {
        beforeSending.run();
        if (isGone) {
          throw new IOException("gone");
        }
        synchronized (FakeExchange.this) {
          said.append(new String(event, UTF_8));
        }
      }

      @Override
      public void close() {
        answered.countDown();
      }
    };
  }

  @Override
  public void onGone(Runnable then) {
    whenGone.add(then);
  }
}
