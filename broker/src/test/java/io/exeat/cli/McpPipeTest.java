package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a socket that answers what it is told to, one answer for one request. */
@Timeout(20)
@SuppressWarnings("NullAway.Init") // because JUnit calls listen first
final class McpPipeTest {
  /** Waits for the client to go away. */
  private static final String NEVER = "never";

  @TempDir private Path folder;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> requests = new LinkedBlockingQueue<>();
  private final BlockingQueue<Boolean> closed = new LinkedBlockingQueue<>();
  private ServerSocketChannel server;
  private McpRoute route;

  @BeforeEach
  void listen() throws IOException {
    Path socket = folder.resolve("mcp.sock");
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket), 100);
    route = new McpRoute(socket, "orders", Optional.of("t1"));
    Thread.ofVirtual()
        .start(() -> {
          try {
            while (true) {
              serve(server.accept());
            }
          } catch (IOException | InterruptedException e) {
            // The test is over.
          }
        });
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  private void serve(SocketChannel client) throws IOException, InterruptedException {
    try (client) {
      InputStream in = Channels.newInputStream(client);
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        head.append((char) in.read());
      }
      int length =
          Integer.parseInt(head.toString().replaceAll("(?s).*Content-Length: ([0-9]+).*", "$1"));
      requests.put(head + new String(in.readNBytes(length), StandardCharsets.UTF_8));
      String answer = Optional.ofNullable(answers.poll(5, TimeUnit.SECONDS)).orElse("");
      if (answer.equals(NEVER)) {
        closed.put(in.read() < 0);
        return;
      }
      client.write(ByteBuffer.wrap(answer.getBytes(StandardCharsets.UTF_8)));
    }
  }

  private List<String> pipe(String... lines) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new McpPipe(route, new PrintStream(out, false, StandardCharsets.UTF_8))
        .run(new ByteArrayInputStream(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)));
    return out.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private static String json(String body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        + body.length()
        + "\r\n\r\n"
        + body;
  }

  @Test
  void aLineIsARequestUnderTheTask() throws Exception {
    answers.put(json("{\"id\":1,\"result\":{}}"));
    assertThat(
            pipe(
                "{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"q\",\"_meta\":"
                    + "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}"))
        .containsExactly("{\"id\":1,\"result\":{}}");
    assertThat(requests.take())
        .startsWith("POST /orders/mcp HTTP/1.1\r\n")
        .contains("\r\nExeat-Task: t1\r\n", "\r\nMCP-Protocol-Version: 2026-07-28\r\n")
        .contains("\r\nMcp-Method: tools/call\r\n", "\r\nMcp-Name: q\r\n");
  }

  /** Whoever waited for room would not hear what makes room. */
  @Test
  void oneCallTooManyIsRefusedAndWhatFollowsItIsHeard() throws Exception {
    List<String> lines = new ArrayList<>();
    for (int id = 1; id <= 65; id++) {
      answers.put(NEVER);
      lines.add("{\"id\":" + id + ",\"method\":\"tools/call\",\"params\":{\"name\":\"q\"}}");
    }
    for (int id = 1; id <= 64; id++) {
      lines.add("{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" + id + "}}");
    }

    assertThat(pipe(lines.toArray(String[]::new)))
        .containsExactly(
            "{\"jsonrpc\":\"2.0\",\"id\":65,\"error\":{\"code\":-32000,\"message\":"
                + "\"64 calls are under way; call again when one is answered\"}}");
  }

  @Test
  void whatIsStreamedIsALineEach() throws Exception {
    String chunks =
        Stream.of(
                "data: {\"method\":\"a\"}",
                "\n\n",
                "data: {\"id\":1,\ndata: \"error\":0",
                "}\n\n",
                "")
            .map(chunk -> Integer.toHexString(chunk.length()) + "\r\n" + chunk + "\r\n")
            .collect(Collectors.joining());
    String head =
        String.join(
            "\r\n",
            "HTTP/1.1 200 OK",
            "Content-Type: text/event-stream",
            "Transfer-Encoding: chunked",
            "",
            "");
    answers.put(head + chunks);
    assertThat(pipe("{\"id\":1,\"method\":\"tools/list\"}"))
        .containsExactly("{\"method\":\"a\"}", "{\"id\":1,\"error\":0}");
  }

  @Test
  void aSessionIsKeptAndEnded() throws Exception {
    answers.put(
        json("{\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}")
            .replaceFirst("\r\n", "\r\nMcp-Session-Id: s1\r\n"));
    answers.put("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    answers.put("HTTP/1.1 204 No Content\r\n\r\n");
    assertThat(pipe("{\"id\":1,\"method\":\"initialize\"}", "{\"method\":\"notifications/x\"}"))
        .hasSize(1);
    assertThat(requests.take()).doesNotContain("Mcp-Session-Id");
    assertThat(requests.take())
        .contains("\r\nMcp-Session-Id: s1\r\n", "\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    assertThat(requests.take()).startsWith("DELETE").contains("\r\nMcp-Session-Id: s1\r\n");
  }

  private static final String CALL =
      "{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"q\",\"_meta\":"
          + "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}\n";
  private static final String CANCEL =
      "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n";

  @Test
  void aCancelledCallsConnectionIsClosed() throws Exception {
    answers.put(NEVER);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PipedOutputStream client = new PipedOutputStream();
    PipedInputStream in = new PipedInputStream(client);
    Thread pipe =
        Thread.ofVirtual()
            .start(() -> {
              try {
                new McpPipe(route, new PrintStream(out, false, StandardCharsets.UTF_8)).run(in);
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    client.write(CALL.getBytes(StandardCharsets.UTF_8));
    client.flush();
    assertThat(requests.poll(10, TimeUnit.SECONDS)).contains("tools/call");
    assertThat(closed).isEmpty();
    client.write(CANCEL.getBytes(StandardCharsets.UTF_8));
    client.flush();
    assertThat(closed.poll(10, TimeUnit.SECONDS)).isTrue(); // the client is still there
    client.close();
    pipe.join();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(requests).isEmpty(); // without sessions nobody is told but by the closing
  }

  @Test
  void aCallThatIsCancelledAtOnceIsGivenUpToo() throws Exception {
    for (int i = 0; i < 20; i++) {
      answers.put(NEVER);
    }
    for (int i = 0; i < 20; i++) {
      long begun = System.nanoTime();
      assertThat(pipe(CALL + CANCEL)).isEmpty();
      // Otherwise it is waited for, for as long as a client may want to hear last words.
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(4));
    }
  }

  @Test
  void inASessionACancelIsPassedOn() throws Exception {
    answers.put(
        json("{\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\"}}")
            .replaceFirst("\r\n", "\r\nMcp-Session-Id: s1\r\n"));
    answers.put("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    answers.put("HTTP/1.1 204 No Content\r\n\r\n");
    assertThat(pipe("{\"id\":0,\"method\":\"initialize\"}", CANCEL)).hasSize(1);
    assertThat(requests.take()).contains("initialize");
    assertThat(requests.take()).contains("notifications/cancelled", "\r\nMcp-Session-Id: s1\r\n");
  }

  @Test
  void noAnswerIsAnErrorOfOurs() throws Exception {
    answers.put("");
    assertThat(pipe("{\"id\":1,\"method\":\"tools/list\"}"))
        .singleElement()
        .asString()
        .contains("\"id\":1", "-32603");
    answers.put("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assertThat(pipe("{\"id\":2,\"method\":\"tools/list\"}"))
        .singleElement()
        .asString()
        .contains("\"id\":2", "the gateway answered 404");
  }

  @Test
  void aLineThatIsNoObjectGoesNowhere() throws Exception {
    assertThat(pipe("[]", "rubbish")).hasSize(2).allMatch(line -> line.contains("-32600"));
    assertThat(requests).isEmpty();
  }

  @Test
  void onlyThePathOpensThePort() throws Exception {
    try (McpListener listener = new McpListener(route, 0)) {
      Thread.ofVirtual()
          .start(() -> {
            try {
              listener.run();
            } catch (IOException e) {
              // It was closed.
            }
          });
      URI url = URI.create(listener.url());
      assertThat(get(url.resolve("/mcp"), "x")).isEqualTo(404);
      assertThat(get(URI.create(url + "x"), "x")).isEqualTo(404);
      assertThat(get(URI.create(url + "?x"), "x")).isEqualTo(404);
      assertThat(requests).isEmpty();
      answers.put(json("{}"));
      assertThat(get(url, "t2")).isEqualTo(200);
      assertThat(requests.take())
          .startsWith("POST /orders/mcp HTTP/1.1\r\n")
          .contains("\r\nExeat-Task: t1\r\n", "\r\nConnection: close\r\n")
          .doesNotContain("t2", "keep-alive");
    }
  }

  private static int get(URI url, String task) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
    connection.setRequestMethod("POST");
    connection.setRequestProperty("Exeat-Task", task);
    connection.setDoOutput(true);
    connection.getOutputStream().write("{}".getBytes(StandardCharsets.UTF_8));
    return connection.getResponseCode();
  }
}
