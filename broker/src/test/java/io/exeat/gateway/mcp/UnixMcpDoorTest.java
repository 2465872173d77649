package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault.Malformed;
import io.exeat.base.Time;
import io.exeat.flow.Use;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.Serving;
import io.exeat.task.Catalogue;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** HTTP over the real socket, as hostile as it comes. */
@Timeout(60)
final class UnixMcpDoorTest {
  private static final String LARGE = "x".repeat(100_000);
  private static final String PING = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";

  private final AtomicInteger sent = new AtomicInteger();

  /** Events that were read from a server that streams; one that does not when it is to send 0. */
  private final AtomicInteger events = new AtomicInteger();

  private volatile int eventsToSend;
  private volatile String result = "{}";
  private final FakeProxies flow = new FakeProxies();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  @TempDir private Path folder;
  private Path socket = Path.of("");
  private AutoCloseable door = () -> {};

  @BeforeEach
  void open() throws IOException {
    socket = folder.resolve("run/mcp.sock");
    UpstreamEntry entry =
        new UpstreamEntry(
            "web",
            "use",
            new UpstreamEntry.Server.Url(
                URI.create("http://localhost/"), Optional.empty(), Optional.empty(), Map.of()),
            false,
            Duration.ofSeconds(5),
            Map.of(),
            Map.of(),
            Map.of());
    Gateway gateway =
        new Gateway(
            new InForce(
                () ->
                    new Catalogue(
                        Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of("web", entry)),
                () -> "p"),
            flow,
            new Pong(),
            new Time(() -> Instant.EPOCH, System::nanoTime));
    DoorParts parts = new DoorParts(loops, calls, new Serving(), Limits.DEFAULT);
    door = UnixMcpDoor.open(socket, Optional.empty(), gateway, parts);
  }

  @AfterEach
  void close() throws Exception {
    door.close();
    calls.shutdownNow();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  /** Answers everything, and counts. */
  private final class Pong implements Upstream {
    @Override
    public Answer send(UpstreamEntry entry, Use use, Outgoing ask) {
      sent.incrementAndGet();
      return new Answer() {
        @Override
        public int status() {
          return 200;
        }

        @Override
        public Optional<String> session() {
          return Optional.empty();
        }

        @Override
        public boolean isStream() {
          return eventsToSend > 0;
        }

        @Override
        public byte[] whole() {
          return ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" + result + "}").getBytes(UTF_8);
        }

        @Override
        public Optional<Event> next() {
          return events.getAndIncrement() < eventsToSend
              ? Optional.of(
                  new Event(List.of("data: {\"jsonrpc\":\"2.0\",\"method\":\"" + LARGE + "\"}")))
              : Optional.empty();
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void close() {}
  }

  private static String post(String headers, String body) {
    return "POST /web/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Accept: application/json, text/event-stream\r\n"
        + headers
        + "\r\n"
        + body;
  }

  private static String length(int bytes) {
    return "Content-Length: " + bytes + "\r\n";
  }

  /** A server that cuts off has nothing more to say either. */
  private static int read(SocketChannel channel, ByteBuffer buffer) {
    try {
      return channel.read(buffer);
    } catch (IOException cut) {
      return -1;
    }
  }

  /** What comes back until the server closes, or for a second; its beginning has 20 s to come. */
  private String say(String... parts) throws Exception {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      for (String part : parts) {
        ByteBuffer bytes = ByteBuffer.wrap(part.getBytes(UTF_8));
        try {
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        } catch (IOException closed) {
          break; // what it said before is what counts
        }
      }
      channel.configureBlocking(false);
      StringBuilder said = new StringBuilder();
      ByteBuffer buffer = ByteBuffer.allocate(65_536);
      for (int left = 2_000; left > 0; left--) {
        buffer.clear();
        int read = read(channel, buffer);
        if (read < 0) {
          break;
        }
        if (read > 0) {
          left = Math.min(left, 100);
        }
        said.append(UTF_8.decode(buffer.flip()));
        Thread.sleep(10);
      }
      return said.toString();
    }
  }

  @Test
  void aRequestIsAnsweredAndTheNextOneToo() throws Exception {
    String one = post(length(PING.length()), PING);
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      for (int i = 1; i <= 20; i++) {
        channel.write(ByteBuffer.wrap(one.getBytes(UTF_8)));
        ByteBuffer buffer = ByteBuffer.allocate(4_096);
        StringBuilder said = new StringBuilder();
        while (!said.toString().contains("\"result\"")) {
          buffer.clear();
          assertThat(channel.read(buffer)).isPositive();
          said.append(UTF_8.decode(buffer.flip()));
        }
        assertThat(said).startsWith("HTTP/1.1 200 OK").contains("application/json");
        assertThat(sent).hasValue(i);
      }
    }
  }

  private static ByteBuffer ping() {
    return ByteBuffer.wrap(post(length(PING.length()), PING).getBytes(UTF_8));
  }

  /** What is counted once nothing is counted for a while. */
  private static int settled(AtomicInteger counted) throws InterruptedException {
    int before;
    do {
      before = counted.get();
      Thread.sleep(500);
    } while (before == 0 || counted.get() != before);
    return before;
  }

  /** It has asked for more than it took: the broker keeps none of it for long. */
  @Test
  void whoAsksOnWithoutReadingItsAnswersIsCutOff() throws Exception {
    result = "\"" + LARGE + "\"";
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      int asked = 0;
      try {
        while (asked < 200) {
          ByteBuffer one = ping();
          while (one.hasRemaining()) {
            channel.write(one);
          }
          int next = ++asked;
          await().until(() -> sent.get() == next || !flow.refused.isEmpty());
          Thread.sleep(5); // its answer is out
        }
      } catch (IOException cut) {
        // as it should
      }
      assertThat(asked).isLessThan(30); // of 100 kB each: the kernel's buffers and ours
    }
    assertRecorded("must come after the answer to the one before");
  }

  @Test
  void aStreamThatTheAgentDoesNotReadIsNotReadFromItsServerEither() throws Exception {
    eventsToSend = 400;
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.write(ping());

      assertThat(settled(events)).isLessThan(30);

      ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
      long read = 0;
      while (read < (long) eventsToSend * LARGE.length()) {
        buffer.clear();
        read += channel.read(buffer);
      }
      assertThat(events.get()).isGreaterThanOrEqualTo(eventsToSend);
    }
  }

  @Test
  void chunksAreTakenAndPutTogether() throws Exception {
    assertThat(
            say(
                post(
                    "Transfer-Encoding: chunked\r\n",
                    Integer.toHexString(PING.length()) + "\r\n" + PING + "\r\n0\r\n\r\n")))
        .startsWith("HTTP/1.1 200");
  }

  /** Once each, in our own words. */
  private void assertRecorded(String problem) {
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> assertThat(flow.refused).containsExactly(new Malformed("request", problem)));
    flow.refused.clear();
  }

  @Test
  void whatIsTooLargeIsRefusedWithoutBeingKept() throws Exception {
    assertThat(say(post(length((1 << 20) + 1), ""))).startsWith("HTTP/1.1 413");
    assertRecorded("must be at most 1,048,576 bytes");
    assertThat(say(post("Expect: 100-continue\r\n" + length((1 << 20) + 1), "")))
        .startsWith("HTTP/1.1 413");
    assertRecorded("must be at most 1,048,576 bytes");
    String chunk = "10000\r\n" + "x".repeat(65_536) + "\r\n";
    String[] many = new String[20];
    Arrays.fill(many, chunk);
    many[0] = post("Transfer-Encoding: chunked\r\n", chunk);
    assertThat(say(many)).doesNotContain("200 OK");
    assertRecorded("must be at most 1,048,576 bytes");
    assertThat(say("GET /" + "a".repeat(5_000) + " HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 414");
    assertRecorded("must begin with a line of at most 4 KiB");
    assertThat(say(post("X: " + "a".repeat(40_000) + "\r\n", ""))).startsWith("HTTP/1.1 431");
    assertRecorded("must have at most 32 KiB of headers");
    assertThat(sent).hasValue(0);
  }

  @Test
  void whatTwoReadersCouldReadDifferentlyIsCutOff() throws Exception {
    String chunked = Integer.toHexString(PING.length()) + "\r\n" + PING + "\r\n0\r\n\r\n";
    for (String odd :
        List.of(
            post("Transfer-Encoding: x, chunked\r\n", chunked),
            post("Transfer-Encoding: chunked\r\n" + length(PING.length()), chunked),
            post(length(5) + length(PING.length()), PING),
            post("Content-Length: +5\r\n", PING),
            "nonsense\r\n\r\n",
            "nonsense\r\n\r\n".repeat(1_000))) {
      assertThat(say(odd)).as(odd).startsWith("HTTP/1.1 400").contains("connection: close");
      assertRecorded("must be HTTP/1.1 that can be read in one way alone");
    }
    assertThat(sent).hasValue(0);
  }

  @Test
  void aWebPageElsewhereIsRefused() throws Exception {
    String page = post("Origin: https://evil.example\r\n" + length(PING.length()), PING);
    assertThat(say(page)).startsWith("HTTP/1.1 403");
    assertThat(
            say(
                page.replace("Host: localhost", "Host: evil.example")
                    .replace("https://evil.example", "http://localhost")))
        .startsWith("HTTP/1.1 403");
    assertThat(sent).hasValue(0);
  }
}
