package io.exeat.gateway.metrics;

import io.exeat.gateway.grpc.SocketFile;
import io.exeat.gateway.grpc.UnixDoorConfig;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code GET /metrics} over HTTP on a Unix socket that the broker's user alone, or a group, can
 * open: agents share the loopback address with the broker, and what others do is not theirs to
 * know. A few requests at a time, each with little time; a connection is for one request.
 */
public final class MetricsDoor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MetricsDoor.class);
  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final int AT_ONCE = 4;
  private static final int MOST_BYTES = 8192;

  private final SocketFile file;
  private final ServerSocketChannel server;
  private final Supplier<Measured> source;
  private final Semaphore turns = new Semaphore(AT_ONCE);

  private MetricsDoor(SocketFile file, ServerSocketChannel server, Supplier<Measured> source) {
    this.file = file;
    this.server = server;
    this.source = source;
  }

  /**
   * Opens it; it serves when this returns.
   *
   * @throws IOException saying what is wrong with the socket's place, who has it, and what to do
   */
  public static MetricsDoor open(UnixDoorConfig config, Supplier<Measured> source)
      throws IOException {
    Optional<String> group = config.group();
    SocketFile file = SocketFile.take(config.socket(), group);
    try {
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        var _ = server.bind(UnixDomainSocketAddress.of(file.fresh()));
        file.publish(group.isPresent() ? "rw-rw----" : "rw-------", group);
        MetricsDoor door = new MetricsDoor(file, server, source);
        Thread.ofPlatform().daemon().name("exeat-metrics").start(door::accept);
        return door;
      } catch (IOException | RuntimeException e) {
        server.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        SocketChannel client = server.accept();
        if (turns.tryAcquire()) {
          Thread.ofVirtual().name("metrics").start(() -> serve(client));
        } else {
          client.close();
        }
      } catch (IOException e) {
        LOG.debug("The figures' door: {}", e.toString());
      }
    }
  }

  private void serve(SocketChannel client) {
    Thread guard =
        Thread.ofVirtual()
            .name("metrics-guard")
            .start(() -> {
              LockSupport.parkNanos(PATIENCE.toNanos());
              close(client);
            });
    try {
      byte[] answer = answer(request(client));
      ByteBuffer out = ByteBuffer.wrap(answer);
      while (out.hasRemaining()) {
        var _ = client.write(out);
      }
    } catch (IOException e) {
      LOG.debug("A request for figures broke off", e);
    } catch (RuntimeException | Error e) {
      LOG.error("A request for figures failed", e);
    } finally {
      turns.release();
      LockSupport.unpark(guard); // which closes the connection
    }
  }

  /** The request's first line, once all of its head is here. */
  private static String request(SocketChannel client) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(MOST_BYTES);
    while (true) {
      if (client.read(in) < 0 || !in.hasRemaining()) {
        throw new IOException("no request");
      }
      String head = new String(in.array(), 0, in.position(), StandardCharsets.US_ASCII);
      if (head.contains("\r\n\r\n")) {
        return head.substring(0, head.indexOf("\r\n"));
      }
    }
  }

  private byte[] answer(String request) {
    if (!request.matches("GET /metrics(\\?\\S*)? HTTP/1\\.[01]")) {
      byte[] hint = "GET /metrics is all there is\n".getBytes(StandardCharsets.US_ASCII);
      return answer("404 Not Found", "text/plain", hint);
    }
    return answer("200 OK", Exposition.TYPE, Exposition.of(source.get()));
  }

  private static byte[] answer(String status, String type, byte[] body) {
    String head =
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(status, type, body.length);
    byte[] first = head.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(first.length + body.length).put(first).put(body).array();
  }

  private static void close(SocketChannel client) {
    try {
      client.close();
    } catch (IOException e) {
      LOG.debug("A connection for figures did not close: {}", e.toString());
    }
  }

  @Override
  public void close() {
    file.close();
    try {
      server.close();
    } catch (IOException e) {
      LOG.debug("The figures' door did not close: {}", e.toString());
    }
  }
}
