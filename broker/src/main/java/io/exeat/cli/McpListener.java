package io.exeat.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Semaphore;

/**
 * A port of the loopback address for MCP clients that only know URLs. Every process of this machine
 * can connect to it, whoever runs it; only one that knows the path comes through, and then speaks
 * as the process that listens. The path is 256 random bits, printed once, on no command line.
 */
final class McpListener implements AutoCloseable {
  private static final int LONGEST_HEAD = 32 << 10;
  private static final int MOST_CONNECTIONS = 256;
  private static final int HEAD_MILLIS = 10_000;
  private static final Set<String> OURS =
      Set.of("connection", "keep-alive", McpRoute.TASK.toLowerCase(Locale.ROOT));

  private final McpRoute route;
  private final ServerSocket server;
  private final String path;
  private final Semaphore room = new Semaphore(MOST_CONNECTIONS);

  /**
   * Listens from now on.
   *
   * @param port 0 for any
   */
  McpListener(McpRoute route, int port) throws IOException {
    this.route = route;
    this.server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    this.path = "/" + Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "/mcp";
  }

  /** What to give the client, and nobody else. */
  String url() {
    return "http://127.0.0.1:" + server.getLocalPort() + path;
  }

  /** Until it is closed. */
  void run() throws IOException {
    while (!server.isClosed()) {
      Socket client = server.accept();
      if (!room.tryAcquire()) {
        client.close();
        continue;
      }
      Thread.ofVirtual()
          .start(() -> {
            try (client) {
              serve(client);
            } catch (IOException e) {
              // One of the two has gone.
            } finally {
              room.release();
            }
          });
    }
  }

  private void serve(Socket client) throws IOException {
    client.setSoTimeout(HEAD_MILLIS);
    String head = head(client.getInputStream());
    List<String> lines = head.lines().toList();
    String[] words = lines.isEmpty() ? new String[0] : lines.getFirst().split(" ", -1);
    if (words.length != 3 || !isOurs(words[1])) {
      refuse(client);
      return;
    }
    client.setSoTimeout(0); // a stream may be silent for as long as its task lives
    try (SocketChannel gateway = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      gateway.connect(UnixDomainSocketAddress.of(route.socket()));
      write(gateway, rewritten(words, lines).getBytes(StandardCharsets.ISO_8859_1));
      Thread up = Thread.ofVirtual().start(() -> pump(client, gateway));
      Channels.newInputStream(gateway).transferTo(client.getOutputStream());
      client.shutdownOutput();
      up.interrupt();
    }
  }

  /** Compared in a time that does not depend on how much of it fits. */
  private boolean isOurs(String asked) {
    return MessageDigest.isEqual(
        asked.getBytes(StandardCharsets.ISO_8859_1), path.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** One request for one connection: what follows it is never read as another one's head. */
  private String rewritten(String[] words, List<String> lines) {
    StringBuilder head = new StringBuilder();
    head.append(words[0]).append(' ').append(route.path()).append(' ').append(words[2]);
    for (String line : lines.subList(1, lines.size())) {
      String name = line.split(":", 2)[0].strip().toLowerCase(Locale.ROOT);
      if (!line.isEmpty() && !OURS.contains(name)) {
        head.append("\r\n").append(line);
      }
    }
    route
        .task()
        .ifPresent(task -> head.append("\r\n").append(McpRoute.TASK).append(": ").append(task));
    return head.append("\r\nConnection: close\r\n\r\n").toString();
  }

  /** Up to and with the empty line; what is behind it stays unread. */
  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    long until = System.nanoTime() + HEAD_MILLIS * 1_000_000L;
    int matched = 0;
    while (matched < 4) {
      int next = in.read();
      if (next < 0 || head.size() == LONGEST_HEAD || System.nanoTime() - until > 0) {
        throw new IOException("no request");
      }
      head.write(next);
      matched = next == "\r\n\r\n".charAt(matched) ? matched + 1 : next == '\r' ? 1 : 0;
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private static void refuse(Socket client) throws IOException {
    OutputStream out = client.getOutputStream();
    out.write(
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  private static void pump(Socket from, SocketChannel to) {
    byte[] buffer = new byte[16 << 10];
    try {
      for (int read = from.getInputStream().read(buffer);
          read >= 0;
          read = from.getInputStream().read(buffer)) {
        write(to, java.util.Arrays.copyOf(buffer, read));
      }
      // A client that has gone wants no answer any more: the gateway is to see that.
      to.close();
    } catch (IOException e) {
      // The gateway has gone; the other direction says so.
    }
  }

  private static void write(SocketChannel to, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      to.write(left);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
