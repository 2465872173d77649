package io.exeat.gateway.mcp.url;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.flow.Allowed;
import io.exeat.flow.CutOff;
import io.exeat.flow.Judged;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.policy.Decision;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.spiffe.spiffeid.SpiffeId;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Tool servers that answer as HTTP servers do, and as they should not. */
@NullMarked
final class UrlUpstreamTest {
  private static final String ID = "spiffe://example.org/tools";
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  private static final String EVENTS =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  private static final Outgoing ASK =
      new Outgoing.Post(
          Optional.empty(),
          Map.of("mcp-method", "ping"),
          Message.of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".getBytes(UTF_8)));

  /** The upstream's connections, oldest first. */
  private final List<Channel> channels = new CopyOnWriteArrayList<>();

  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()) {
        @Override
        public ChannelFuture register(Channel channel) {
          channels.add(channel);
          ChannelFuture registered = super.register(channel);
          if (hangUpAtOnce) {
            channel.pipeline().addFirst(new Leaving());
          }
          return registered;
        }
      };
  private volatile boolean hangUpAtOnce;
  private final AtomicLong trusted = new AtomicLong(1);
  private final AtomicLong nanos = new AtomicLong();
  private @Nullable SSLContext context;
  private final UrlUpstream upstream =
      new UrlUpstream(
          new UrlUpstream.Trust() {
            @Override
            public SSLContext of(UpstreamEntry.Server.Url server) {
              return java.util.Objects.requireNonNull(context);
            }

            @Override
            public long version() {
              return trusted.get();
            }
          },
          loops,
          Runnable::run,
          new Time(Clock.systemUTC(), nanos::get));
  private final List<AutoCloseable> open = new CopyOnWriteArrayList<>();

  @AfterEach
  void end() throws Exception {
    upstream.close();
    for (AutoCloseable each : open) {
      each.close();
    }
    var _ = loops.shutdownGracefully(0, 2, java.util.concurrent.TimeUnit.SECONDS);
  }

  /** What a server does with each connection. */
  private interface Answers {
    void serve(InputStream in, OutputStream out) throws IOException, InterruptedException;
  }

  /** A server on a socket, as it is made. */
  private final class Server {
    final ServerSocket socket;
    final List<String> heads = new CopyOnWriteArrayList<>();
    final AtomicInteger connections = new AtomicInteger();
    final AtomicInteger gone = new AtomicInteger();

    Server(ServerSocket socket, Answers answers) {
      this.socket = socket;
      open.add(socket);
      Thread.ofVirtual().start(() -> accept(answers));
    }

    Server(Answers answers) throws IOException {
      this(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), answers);
    }

    private void accept(Answers answers) {
      try {
        while (true) {
          Socket one = socket.accept();
          connections.incrementAndGet();
          Thread.ofVirtual().start(() -> serve(one, answers));
        }
      } catch (IOException e) {
        // closed
      }
    }

    private void serve(Socket one, Answers answers) {
      try (one) {
        answers.serve(new BufferedInputStream(one.getInputStream()), one.getOutputStream());
      } catch (IOException | InterruptedException e) {
        gone.incrementAndGet();
      }
    }

    /** One request, whole; its first line and headers. */
    String request(InputStream in) throws IOException {
      StringBuilder head = new StringBuilder();
      while (!head.toString().endsWith("\r\n\r\n")) {
        int next = in.read();
        if (next < 0) {
          throw new EOFException();
        }
        head.append((char) next);
      }
      String text = head.toString();
      int at = text.toLowerCase(java.util.Locale.ROOT).indexOf("content-length: ");
      if (at >= 0) {
        int length = Integer.parseInt(text.substring(at + 16, text.indexOf('\r', at)));
        assertThat(in.readNBytes(length)).hasSize(length);
      }
      heads.add(text);
      return text;
    }

    UpstreamEntry entry(Duration timeout) {
      return entry("http", "127.0.0.1", timeout);
    }

    UpstreamEntry entry(String scheme, String host, Duration timeout) {
      return entry("web", scheme, host, Optional.empty(), Optional.empty(), timeout);
    }

    UpstreamEntry entry(
        String name,
        String scheme,
        String host,
        Optional<Path> ca,
        Optional<SpiffeId> id,
        Duration timeout) {
      URI url = URI.create(scheme + "://" + host + ":" + socket.getLocalPort() + "/mcp?a=b");
      return new UpstreamEntry(
          name,
          "use",
          new UpstreamEntry.Server.Url(url, ca, id, Map.of()),
          false,
          timeout,
          Map.of(),
          Map.of(),
          Map.of());
    }
  }

  private Answer send(UpstreamEntry entry) {
    return upstream.send(entry, use(), ASK);
  }

  private static Use use() {
    DecisionId id = DecisionId.random();
    Judged judged =
        new Judged(
            id,
            new Decision.Permit(List.of(), "ab"),
            Optional.of(new Allowed(id, List.of(), () -> {}, () -> {})));
    return Use.of(judged, new Epoch(TaskId.random(), 1), Optional.empty(), new CutOff());
  }

  private static void say(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(ISO_8859_1));
    out.flush();
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }

  private String whole(UpstreamEntry entry) throws IOException {
    Answer answer = send(entry);
    try {
      return answer.status() + " " + new String(answer.whole(), UTF_8);
    } finally {
      answer.close();
    }
  }

  private static final Duration LONG = Duration.ofSeconds(20);

  @Test
  void oneConnectionServesOneRequestAfterTheOther() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          for (int i = 1; ; i++) {
            var _ = made[0].request(in);
            say(out, "HTTP/1.1 100 Continue\r\n\r\n");
            say(out, OK + "Content-Length: 2\r\n\r\n" + "#" + i % 10);
          }
        });

    UpstreamEntry entry = made[0].entry(LONG);
    for (int i = 1; i <= 100; i++) {
      assertThat(whole(entry)).isEqualTo("200 #" + i % 10);
    }

    assertThat(made[0].connections).hasValue(1);
    assertThat(made[0].heads.getFirst().lines())
        .contains(
            "POST /mcp?a=b HTTP/1.1",
            "host: 127.0.0.1:" + made[0].socket.getLocalPort(),
            "mcp-method: ping",
            "content-type: application/json",
            "accept: application/json, text/event-stream");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\n\r\nab"
      })
  void aServerThatHangsUpIsConnectedToAgain(String answer) throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, answer);
        });

    assertThat(whole(made[0].entry(LONG))).isEqualTo("200 ab");
    assertThat(whole(made[0].entry(LONG))).isEqualTo("200 ab");
    assertThat(made[0].heads).hasSize(2);
  }

  @Test
  void nothingIsSentTwice() throws Exception {
    Server[] made = new Server[1];
    made[0] = new Server((in, out) -> made[0].request(in)); // and hangs up

    assertThatThrownBy(() -> send(made[0].entry(LONG)))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("does not answer");
    assertThat(made[0].heads).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \u0000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
      })
  void whatIsNoHttpIsNoAnswer(String nonsense) throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, nonsense);
          var _ = in.read();
        });

    assertThatThrownBy(() -> whole(made[0].entry(LONG)))
        .isInstanceOfAny(FaultException.class, IOException.class);
  }

  @Test
  void anAnswerThatBreaksOffIsNotTakenForWhole() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, OK + "Content-Length: 100\r\n\r\nhalf");
        });

    assertThatThrownBy(() -> whole(made[0].entry(LONG))).isInstanceOf(IOException.class);
  }

  @Test
  void anAnswerThatDoesNotBeginOrDoesNotEndInTimeIsNone() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          if (made[0].heads.size() == 2) {
            say(out, OK + "Content-Length: 100\r\n\r\nhalf");
          }
          var _ = in.read();
        });
    UpstreamEntry entry = made[0].entry(Duration.ofMillis(300));

    assertThatThrownBy(() -> send(entry)).hasMessageContaining("does not answer");
    assertThatThrownBy(() -> whole(entry)).hasMessageContaining("too long");
  }

  @Test
  void eventsComeOneByOneAndWhoClosesEndsThem() throws Exception {
    Server[] made = new Server[1];
    AtomicInteger sent = new AtomicInteger();
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, EVENTS + chunk("data: 1\n\n"));
          sent.set(1);
          assertThat(in.read()).isEqualTo(-1);
          sent.set(2);
        });

    Answer answer = send(made[0].entry(LONG));
    assertThat(answer.isStream()).isTrue();
    Optional<Event> first = answer.next();
    assertThat(first.orElseThrow().lines()).containsExactly("data: 1");
    assertThat(sent).hasValue(1);
    answer.close();

    await().until(() -> sent.get() == 2);
  }

  @Test
  void whoIsInterruptedHangsUp() throws Exception {
    Server[] made = new Server[1];
    AtomicInteger ended = new AtomicInteger();
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          assertThat(in.read()).isEqualTo(-1);
          ended.set(1);
        });
    AtomicReference<@Nullable Throwable> told = new AtomicReference<>();
    Thread waiting =
        Thread.ofVirtual()
            .start(() -> {
              try {
                var _ = send(made[0].entry(LONG));
              } catch (FaultException e) {
                told.set(e);
              }
            });
    await().until(() -> !made[0].heads.isEmpty());

    waiting.interrupt();

    await().until(() -> ended.get() == 1 && told.get() != null);
  }

  /** Closes a connection as soon as it is one. */
  private static final class Leaving extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext context) {
      context.fireChannelActive();
      var _ = context.close();
    }
  }

  /** The event loop does nothing until the latch is open; what it is told meanwhile is queued. */
  private CountDownLatch halt() throws InterruptedException {
    CountDownLatch halted = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    loops
        .next()
        .execute(() -> {
          halted.countDown();
          try {
            go.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    halted.await();
    return go;
  }

  /** Sends on a thread of its own, which waits for the answer when this returns. */
  private Thread sendAside(UpstreamEntry entry, AtomicReference<String> told) {
    Thread sending =
        Thread.ofVirtual()
            .start(() -> {
              try {
                told.set(whole(entry));
              } catch (FaultException | IOException e) {
                told.set(String.valueOf(e.getMessage()));
              }
            });
    await().until(() -> sending.getState() == Thread.State.WAITING);
    return sending;
  }

  /** Its use has ended between the call and the event loop's turn. */
  @Test
  void whatNobodyWaitsForAnyMoreIsNotSent() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          while (true) {
            var _ = made[0].request(in);
            say(out, OK + "Content-Length: 2\r\n\r\nok");
          }
        });
    UpstreamEntry entry = made[0].entry(LONG);
    assertThat(whole(entry)).isEqualTo("200 ok");
    AtomicReference<String> told = new AtomicReference<>();
    CountDownLatch go = halt();
    Thread sending = sendAside(entry, told);

    sending.interrupt();
    sending.join();
    go.countDown();

    assertThat(told).hasValue("NotServing[state=stopping]");
    await().until(() -> made[0].gone.get() == 1); // and what it had read by then counts
    assertThat(made[0].heads).hasSize(1);
    assertThat(whole(entry)).isEqualTo("200 ok");
  }

  @Test
  void whatWasNotSentYetGoesOverAnotherConnection() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          while (true) {
            var _ = made[0].request(in);
            say(out, OK + "Content-Length: 2\r\n\r\n#" + made[0].connections);
          }
        });
    UpstreamEntry entry = made[0].entry(LONG);
    assertThat(whole(entry)).isEqualTo("200 #1");
    AtomicReference<String> told = new AtomicReference<>();
    CountDownLatch go = halt();
    var _ = channels.getFirst().close(); // it will be closed when it is to be sent over
    Thread sending = sendAside(entry, told);

    go.countDown();
    sending.join();

    assertThat(told).hasValue("200 #2");
    assertThat(made[0].heads).hasSize(2);
  }

  /** As a port does behind which nobody is: not tried for as long as that lasts. */
  @Test
  void aServerThatHangsUpBeforeItIsAskedIsNotTriedOnAndOn() throws Exception {
    Server server = new Server((in, out) -> in.readAllBytes());
    AtomicReference<String> told = new AtomicReference<>();
    hangUpAtOnce = true;
    Thread sending =
        Thread.ofVirtual()
            .start(() -> {
              try {
                told.set(whole(server.entry(LONG)));
              } catch (FaultException | IOException e) {
                told.set(String.valueOf(e.getMessage()));
              }
            });

    assertThat(sending.join(Duration.ofSeconds(10))).isTrue();
    assertThat(told.get()).contains("does not answer");
    assertThat(channels).hasSize(1);
  }

  @Test
  void whatWasSentOverAConnectionThatWasFreeIsNotSentAgain() throws Exception {
    Server[] made = new Server[1];
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, OK + "Content-Length: 2\r\n\r\nok");
          var _ = made[0].request(in); // and hangs up
        });
    UpstreamEntry entry = made[0].entry(LONG);
    assertThat(whole(entry)).isEqualTo("200 ok");

    assertThatThrownBy(() -> send(entry)).hasMessageContaining("does not answer");

    assertThat(made[0].heads).hasSize(2);
    assertThat(made[0].connections).hasValue(1);
  }

  /** Whether it comes with the answer or later. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatComesBehindAnAnswerIsNotTheBeginningOfTheNextOne(boolean atOnce) throws Exception {
    String more = "HTTP/1.1 200 OK\r\nMcp-Session-Id: another's\r\nX: ";
    Server[] made = new Server[1];
    CountDownLatch read = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          String answer = OK + "Content-Length: 2\r\n\r\n#" + made[0].heads.size();
          if (made[0].connections.get() > 1) {
            say(out, answer);
            return;
          }
          say(out, atOnce ? answer + more : answer);
          read.await();
          say(out, atOnce ? "" : more);
          if (in.read() < 0) {
            closed.countDown();
          }
        });
    UpstreamEntry entry = made[0].entry(LONG);
    assertThat(whole(entry)).isEqualTo("200 #1");
    read.countDown();

    assertThat(closed.await(10, java.util.concurrent.TimeUnit.SECONDS)).isTrue();

    Answer next = send(entry);
    assertThat(next.session()).isEmpty();
    assertThat(new String(next.whole(), UTF_8)).isEqualTo("#2");
    next.close();
  }

  /** A server that says more than the agent reads is not read from any more. */
  @Test
  void whatNobodyReadsWaitsAtTheServer() throws Exception {
    Server[] made = new Server[1];
    AtomicLong sent = new AtomicLong();
    String line = "data: " + "x".repeat(10_000) + "\n\n";
    made[0] =
        new Server((in, out) -> {
          var _ = made[0].request(in);
          say(out, EVENTS);
          for (int i = 0; i < 5_000; i++) {
            say(out, chunk(line));
            sent.addAndGet(line.length());
          }
          say(out, "0\r\n\r\n");
        });

    Answer answer = send(made[0].entry(LONG));
    long before = -1;
    while (sent.get() != before) {
      before = sent.get();
      Thread.sleep(300);
    }
    assertThat(before).isLessThan(20_000_000); // the kernel's buffers and ours, of 50 million

    long read = 0;
    for (Optional<Event> next = answer.next(); next.isPresent(); next = answer.next()) {
      read += next.get().lines().getFirst().length() + 2;
    }
    assertThat(read).isEqualTo(5_000L * line.length());
    answer.close();
  }

  @Test
  void aServerIsKnownByItsNameAndAuthority() throws Exception {
    TestAuthority authority = new TestAuthority("example.org");
    SSLContext server = context(authority.issueWeb(ID, "localhost"), authority);
    Server[] made = new Server[1];
    made[0] =
        new Server(
            server
                .getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress()),
            (in, out) -> {
              while (true) {
                var _ = made[0].request(in);
                say(out, OK + "Content-Length: 2\r\n\r\nok");
              }
            });
    context = context(authority.issue(ID), authority);

    assertThat(whole(made[0].entry("https", "localhost", LONG))).isEqualTo("200 ok");
    assertThatThrownBy(() -> whole(made[0].entry("https", "127.0.0.1", LONG)))
        .hasMessageContaining("does not answer");
    assertThat(made[0].heads).hasSize(1);

    trusted.incrementAndGet(); // another authority counts from now on: what is open counts no more
    TestAuthority other = new TestAuthority("example.org");
    context = context(other.issue(ID), other);
    assertThatThrownBy(() -> whole(made[0].entry("https", "localhost", LONG)))
        .hasMessageContaining("does not answer");
    assertThat(made[0].heads).hasSize(1);
  }

  /** The agent hears nothing of it, and an operator not on and on. */
  @Test
  void whyThereIsNoTlsIsSaidToOperatorsOnceAMinuteOfEachServer() throws Exception {
    TestAuthority authority = new TestAuthority("example.org");
    SSLContext known = context(authority.issueWeb(ID, "localhost"), authority);
    Server server =
        new Server(
            known
                .getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress()),
            (in, out) -> in.readAllBytes());
    Optional<Path> ca = Optional.of(Path.of("/etc/tools.pem"));
    UpstreamEntry byCa = server.entry("a", "https", "localhost", ca, Optional.empty(), LONG);
    UpstreamEntry bySystem =
        server.entry("b", "https", "localhost", Optional.empty(), Optional.empty(), LONG);
    UpstreamEntry byId =
        server.entry(
            "c", "https", "localhost", Optional.empty(), Optional.of(SpiffeId.parse(ID)), LONG);
    TestAuthority other = new TestAuthority("example.org");
    context = context(other.issue(ID), other);
    ListAppender<ILoggingEvent> said = listen();

    for (UpstreamEntry each : List.of(byCa, byCa, bySystem, byId, byCa)) {
      assertThatThrownBy(() -> whole(each))
          .hasMessageContaining("the tool server " + each.name() + " does not answer")
          .hasMessageNotContainingAny("TLS", "PKIX", "certificat", "tools.pem");
    }
    assertThat(warnings(said))
        .hasSize(3)
        .allMatch(line -> line.contains("PKIX path"))
        .satisfiesExactly(
            line ->
                assertThat(line)
                    .startsWith("No TLS with the tool server a: ")
                    .contains(
                        "for localhost, by an authority in /etc/tools.pem, which upstreams.a.ca"),
            line ->
                assertThat(line)
                    .startsWith("No TLS with the tool server b: ")
                    .contains("that the system knows", "upstreams.b.ca", "upstreams.b.spiffe-id"),
            line ->
                assertThat(line)
                    .startsWith("No TLS with the tool server c: ")
                    .contains("an SVID of " + ID + ", which upstreams.c.spiffe-id says"));

    nanos.addAndGet(59_999_999_999L);
    assertThatThrownBy(() -> whole(byCa)).isInstanceOf(FaultException.class);
    assertThat(warnings(said)).hasSize(3);
    nanos.incrementAndGet();
    assertThatThrownBy(() -> whole(byCa)).isInstanceOf(FaultException.class);
    assertThat(warnings(said)).hasSize(4);
  }

  @Test
  void aServerThatSpeaksNoTlsIsSaidShortly() throws Exception {
    TestAuthority authority = new TestAuthority("example.org");
    context = context(authority.issue(ID), authority);
    Server server =
        new Server((in, out) -> {
          say(out, "HTTP/1.1 400 Bad Request\r\n\r\n" + "x".repeat(5_000));
          var _ = in.readAllBytes();
        });
    ListAppender<ILoggingEvent> said = listen();

    assertThatThrownBy(() -> whole(server.entry("https", "localhost", LONG)))
        .hasMessageContaining("does not answer");

    assertThat(warnings(said))
        .singleElement()
        .asString()
        .contains("not an SSL/TLS record")
        .hasSizeLessThan(700);
  }

  @Test
  void ofWhatIsNotTlsThereIsNoWarning() throws Exception {
    Server[] made = new Server[1];
    made[0] = new Server((in, out) -> made[0].request(in)); // and hangs up
    ListAppender<ILoggingEvent> said = listen();

    assertThatThrownBy(() -> whole(made[0].entry(LONG))).isInstanceOf(FaultException.class);

    assertThat(warnings(said)).isEmpty();
  }

  private ListAppender<ILoggingEvent> listen() {
    Logger log = (Logger) LoggerFactory.getLogger(UrlUpstream.class);
    ListAppender<ILoggingEvent> said = new ListAppender<>();
    said.start();
    log.addAppender(said);
    open.add(() -> log.detachAppender(said));
    return said;
  }

  private static List<String> warnings(ListAppender<ILoggingEvent> said) {
    return said.list.stream()
        .filter(it -> it.getLevel().equals(Level.WARN))
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }

  private static SSLContext context(Svid own, TestAuthority authority) throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    keys.setKeyEntry("own", own.key(), new char[0], own.chain().toArray(Certificate[]::new));
    KeyStore anchors = KeyStore.getInstance("PKCS12");
    anchors.load(null, null);
    anchors.setCertificateEntry("authority", authority.certificate());
    KeyManagerFactory with = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    with.init(keys, new char[0]);
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(with.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }
}
