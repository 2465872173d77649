package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.base.Time;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.Serving;
import io.exeat.gateway.mcp.stdio.StdioUpstream;
import io.exeat.gateway.mcp.url.UrlUpstream;
import io.exeat.task.Catalogue;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An agent at the real socket that goes away while its call is under way; real servers. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // because JUnit calls open first
final class LeavingTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration SOON = Duration.ofSeconds(20);

  /** Writes down what it hears; answers everything but a call that is to hang. */
  private static final String SERVER =
      """
      while IFS= read -r line; do
        printf '%s\\n' "$line" >> "$1"
        id=$(printf %s "$line" | sed -n 's/.*"id":\\([0-9]*\\).*/\\1/p')
        case $line in
          *hang*) ;;
          *wrong*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"%s"}}\\n' "$id" "$2" ;;
          *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\\n' "$id" ;;
        esac
      done
      """;

  private final Time time = new Time(Clock.systemUTC(), System::nanoTime);
  private final FakeProxies flow = new FakeProxies();
  private final StdioUpstream started = new StdioUpstream(time);
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final UrlUpstream byUrl = new UrlUpstream(new NoTls(), loops, Runnable::run, time);
  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  @TempDir private Path folder;
  private Path heard;
  private ServerSocket server;
  private AutoCloseable door;

  @BeforeEach
  void open() throws IOException {
    server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    heard = Files.createFile(folder.resolve("heard"));
    Files.setPosixFilePermissions(heard, PosixFilePermissions.fromString("rw-rw-rw-"));
    Path script = Files.writeString(folder.resolve("server.sh"), SERVER);
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rw-r--r--"));
    boolean root = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    Map<String, UpstreamEntry> entries =
        Map.of(
            "web",
            entry(
                "web",
                new UpstreamEntry.Server.Url(
                    URI.create("http://127.0.0.1:" + server.getLocalPort() + "/mcp"),
                    Optional.empty(),
                    Optional.empty(),
                    Map.of())),
            "own",
            entry(
                "own",
                new UpstreamEntry.Server.Command(
                    List.of(
                            "sh",
                            script.toString(),
                            heard.toString(),
                            "no\\u202e" + "x".repeat(5_000))
                        .stream()
                        .map(Template::new)
                        .toList(),
                    root ? "nobody" : "unsafe-same-user",
                    Map.of(),
                    Map.of(),
                    false)));
    Gateway gateway =
        new Gateway(
            new InForce(
                () -> new Catalogue(Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), entries),
                () -> "p"),
            flow,
            new Both(),
            time);
    DoorParts parts = new DoorParts(loops, calls, new Serving(), Limits.DEFAULT);
    door = UnixMcpDoor.open(folder.resolve("run/mcp.sock"), Optional.empty(), gateway, parts);
  }

  private static UpstreamEntry entry(String name, UpstreamEntry.Server server) {
    return new UpstreamEntry(
        name,
        "use",
        server,
        false,
        Duration.ofSeconds(50),
        Map.of("echo", new UpstreamEntry.Item(name + ".echo", "use", Optional.empty())),
        Map.of(),
        Map.of());
  }

  private final class Both implements Upstream {
    @Override
    public Answer send(UpstreamEntry entry, io.exeat.flow.Use use, Outgoing ask) {
      return (entry.name().equals("own") ? started : byUrl).send(entry, use, ask);
    }

    @Override
    public void close() {}
  }

  @AfterEach
  void close() throws Exception {
    door.close();
    started.close();
    byUrl.close();
    server.close();
    calls.shutdownNow();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private SocketChannel post(String upstream, String json) throws IOException {
    SocketChannel agent = SocketChannel.open(StandardProtocolFamily.UNIX);
    agent.connect(UnixDomainSocketAddress.of(folder.resolve("run/mcp.sock")));
    String head =
        "POST /%s/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: %d\r\n\r\n"
            .formatted(upstream, json.length());
    agent.write(ByteBuffer.wrap((head + json).getBytes(UTF_8)));
    return agent;
  }

  private static String call(String word) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"do\":\""
        + word
        + "\"}}}";
  }

  /** Before the answer begins, in the middle of one, and between two events of a stream. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n"
      })
  void aServerByUrlSeesItsConnectionClosed(String begun) throws Exception {
    BlockingQueue<Boolean> seen = new LinkedBlockingQueue<>();
    Thread.ofVirtual()
        .start(() -> {
          try (Socket connection = server.accept()) {
            BufferedReader in =
                new BufferedReader(new InputStreamReader(connection.getInputStream(), UTF_8));
            int length = 0;
            for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
              length = line.matches("(?i)content-length:.*") ? length(line) : length;
            }
            assertThat(in.skip(length)).isEqualTo(length);
            connection.getOutputStream().write(begun.getBytes(UTF_8));
            connection.getOutputStream().flush();
            seen.add(false);
            seen.add(in.read() < 0); // the gateway has hung up
          } catch (IOException e) {
            seen.add(true);
          }
        });
    SocketChannel agent = post("web", call("hang"));
    assertThat(seen.poll(20, TimeUnit.SECONDS)).isFalse();
    Thread.sleep(200); // it stays open for as long as the agent is there
    assertThat(seen).isEmpty();
    assertThat(flow.underWay).hasValue(1);
    agent.close();
    assertThat(seen.poll(20, TimeUnit.SECONDS)).isTrue();
    await().atMost(SOON).untilAsserted(() -> assertThat(flow.underWay).hasValue(0));
  }

  private static int length(String header) {
    return Integer.parseInt(header.replaceAll("[^0-9]", ""));
  }

  @Test
  void aStartedServerIsToldToCancel() throws Exception {
    SocketChannel agent = post("own", call("hang"));
    await().atMost(SOON).until(() -> Files.readString(heard).contains("hang"));
    JsonNode asked = JSON.readTree(Files.readAllLines(heard).getFirst());
    assertThat(flow.underWay).hasValue(1);
    assertThat(Files.readString(heard)).doesNotContain("cancelled");
    agent.close();
    await().atMost(SOON).until(() -> Files.readString(heard).contains("cancelled"));
    JsonNode cancel = JSON.readTree(Files.readAllLines(heard).getLast());
    assertThat(cancel.path("method").asText()).isEqualTo("notifications/cancelled");
    assertThat(cancel.at("/params/requestId")).isEqualTo(asked.path("id"));
    await().atMost(SOON).untilAsserted(() -> assertThat(flow.underWay).hasValue(0));
  }

  @Test
  void whatAStartedServerSaysOfAnErrorIsShortAndCanBeSeen() throws Exception {
    try (SocketChannel agent = post("own", call("wrong"))) {
      StringBuilder said = new StringBuilder();
      ByteBuffer buffer = ByteBuffer.allocate(65_536);
      while (!said.toString().endsWith("}")) {
        buffer.clear();
        assertThat(agent.read(buffer)).as("%s", said).isPositive();
        said.append(UTF_8.decode(buffer.flip()));
      }
      JsonNode error = JSON.readTree(said.substring(said.indexOf("{"))).path("error");
      assertThat(error.path("code").asInt()).isEqualTo(-32000);
      assertThat(error.path("message").asText())
          .startsWith("noxxx")
          .endsWith("x… [Exeat: 3002 more characters were cut]");
    }
  }
}
