package io.exeat.cli;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.1 request and its answer, on a connection of its own to a Unix socket (RFC 9112). The
 * JDK's client speaks to no Unix socket, and starting Netty would take longer than a whole call.
 */
final class UnixHttp implements AutoCloseable {
  private static final int LONGEST_LINE = 32 << 10;
  private static final int MOST_HEADERS = 100;

  private final SocketChannel channel;
  private final Input input;
  private final int status;
  private final Map<String, String> headers = new TreeMap<>();
  private final InputStream body;

  private UnixHttp(SocketChannel channel) throws IOException {
    this.channel = channel;
    this.input = new Input(channel);
    String[] words = input.line().split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.") || !words[1].matches("[1-5][0-9]{2}")) {
      throw new IOException("what answers at the socket does not speak HTTP");
    }
    this.status = Integer.parseInt(words[1]);
    for (String line = input.line(); !line.isEmpty(); line = input.line()) {
      int colon = line.indexOf(':');
      if (colon < 1 || headers.size() == MOST_HEADERS) {
        throw new IOException("what answers at the socket sends no proper headers");
      }
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    this.body = body();
  }

  /**
   * Connects, sends, and returns with the head of the answer.
   *
   * @param opened is given the connection before anything is waited for: to close it is to give up
   */
  static UnixHttp send(
      Path socket,
      String method,
      String path,
      Map<String, String> headers,
      byte[] body,
      Opened opened)
      throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      opened.connection(channel);
      channel.connect(UnixDomainSocketAddress.of(socket));
      StringBuilder head = new StringBuilder();
      head.append(method).append(' ').append(path).append(" HTTP/1.1\r\n");
      head.append("Host: localhost\r\nConnection: close\r\n");
      headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
      head.append("Content-Length: ").append(body.length).append("\r\n\r\n");
      byte[] first = head.toString().getBytes(StandardCharsets.ISO_8859_1);
      ByteBuffer all = ByteBuffer.allocate(first.length + body.length).put(first).put(body).flip();
      while (all.hasRemaining()) {
        channel.write(all);
      }
      return new UnixHttp(channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Hears of the connection. */
  @FunctionalInterface
  interface Opened {
    void connection(SocketChannel channel);
  }

  int status() {
    return status;
  }

  /** By its name in lower case. */
  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }

  /** Whether the body is a stream of server-sent events. */
  boolean isEvents() {
    return header("content-type").filter(it -> it.startsWith("text/event-stream")).isPresent();
  }

  /** The body, as it arrives; its end is the answer's. */
  InputStream stream() {
    return body;
  }

  private InputStream body() {
    if (header("transfer-encoding").filter("chunked"::equalsIgnoreCase).isPresent()) {
      return new Chunks(input);
    }
    @Nullable String length = headers.get("content-length");
    if (length == null) {
      return status == 202 || status == 204 ? InputStream.nullInputStream() : input;
    }
    return new Counted(input, Long.parseLong(length));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** What arrives, buffered. */
  private static final class Input extends InputStream {
    private final SocketChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(16 << 10).limit(0);

    Input(SocketChannel channel) {
      this.channel = channel;
    }

    private boolean fill() throws IOException {
      if (!buffer.hasRemaining()) {
        buffer.clear();
        int read = channel.read(buffer);
        buffer.flip();
        return read > 0;
      }
      return true;
    }

    @Override
    public int read() throws IOException {
      return fill() ? buffer.get() & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (!fill()) {
        return -1;
      }
      int some = Math.min(length, buffer.remaining());
      buffer.get(into, offset, some);
      return some;
    }

    /** Up to the next line's end, without it. */
    String line() throws IOException {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int next = read(); next != '\n'; next = read()) {
        if (next < 0) {
          throw new EOFException("the connection was closed without an answer");
        } else if (line.size() == LONGEST_LINE) {
          throw new IOException("a line of the answer's head is too long");
        } else if (next != '\r') {
          line.write(next);
        }
      }
      return line.toString(StandardCharsets.ISO_8859_1);
    }
  }

  /** A body of a known length. */
  private static final class Counted extends InputStream {
    private final Input input;
    private long left;

    Counted(Input input, long left) {
      this.input = input;
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int some = input.read(into, offset, (int) Math.min(length, left));
      if (some < 0) {
        throw new EOFException("the answer breaks off");
      }
      left -= some;
      return some;
    }
  }

  /** A body in chunks (RFC 9112, section 7.1). */
  private static final class Chunks extends InputStream {
    private final Input input;
    private long left;
    private boolean begun;
    private boolean over;

    Chunks(Input input) {
      this.input = input;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (over || (left == 0 && !next())) {
        return -1;
      }
      int some = input.read(into, offset, (int) Math.min(length, left));
      if (some < 0) {
        throw new EOFException("the answer breaks off");
      }
      left -= some;
      return some;
    }

    private boolean next() throws IOException {
      if (begun) {
        var _ = input.line(); // behind the chunk before
      }
      begun = true;
      String size = input.line().split(";", 2)[0].strip();
      if (!size.matches("[0-9a-fA-F]{1,8}")) {
        throw new IOException("a chunk of the answer has no proper size");
      }
      left = Long.parseLong(size, 16);
      over = left == 0;
      return !over;
    }
  }
}
