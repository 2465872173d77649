package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** One connection to the gateway's socket, over which bytes go as they are: an agent, or worse. */
public final class McpClient implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String META =
      "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
          + "\"io.modelcontextprotocol/clientCapabilities\":{}}";

  private final String upstream;
  private final SocketChannel channel;
  private final InputStream in;

  public McpClient(Path socket, String upstream) {
    this(UnixDomainSocketAddress.of(socket), upstream);
  }

  /** Past the gateway, to a server itself. */
  public static McpClient direct(URI server) {
    return new McpClient(new InetSocketAddress(server.getHost(), server.getPort()), "direct");
  }

  private McpClient(SocketAddress address, String upstream) {
    try {
      this.upstream = upstream;
      this.channel =
          address instanceof UnixDomainSocketAddress
              ? SocketChannel.open(StandardProtocolFamily.UNIX)
              : SocketChannel.open();
      channel.connect(address);
      if (!(address instanceof UnixDomainSocketAddress)) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      this.in = new java.io.BufferedInputStream(Channels.newInputStream(channel));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An answer, whole. */
  public record Answer(int status, Map<String, String> headers, String body) {
    /** The message in it, be it JSON or the last event of a stream. */
    public JsonNode json() {
      try {
        String text = body;
        if (headers.getOrDefault("content-type", "").startsWith("text/event-stream")) {
          int last = body.lastIndexOf("data: {");
          text = last < 0 ? "{}" : body.substring(last + 6).lines().findFirst().orElse("{}");
        }
        return JSON.readTree(text.isEmpty() ? "{}" : text);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The body of a call without a session. */
  public static String call(int id, String tool, String arguments) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s,%s}}"
        .formatted(id, tool, arguments, META);
  }

  /** The body of any other request without a session; {@code params} ends with a comma, if any. */
  public static String ask(int id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{%s%s}}"
        .formatted(id, method, params, META);
  }

  /** A call as it should be. */
  public Answer call(String task, int id, String tool, String arguments) {
    return post(
        call(id, tool, arguments),
        Map.of("Exeat-Task", task, "Mcp-Method", "tools/call", "Mcp-Name", tool));
  }

  /** A body with the usual headers, and these in their places. */
  public Answer post(String body, Map<String, String> other) {
    Map<String, String> headers = new TreeMap<>();
    headers.put("Host", "localhost");
    headers.put("Content-Type", "application/json");
    headers.put("Accept", "application/json, text/event-stream");
    headers.put("MCP-Protocol-Version", "2026-07-28");
    headers.putAll(other);
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    headers.putIfAbsent("Content-Length", Integer.toString(bytes.length));
    StringBuilder head = new StringBuilder("POST /" + upstream + "/mcp HTTP/1.1\r\n");
    headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
    byte[] first = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    byte[] all = java.util.Arrays.copyOf(first, first.length + bytes.length);
    System.arraycopy(bytes, 0, all, first.length, bytes.length);
    send(all);
    return read();
  }

  /** Bytes, whatever they are. */
  public void send(byte[] bytes) {
    try {
      ByteBuffer left = ByteBuffer.wrap(bytes);
      while (left.hasRemaining()) {
        channel.write(left);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The next answer. */
  public Answer read() {
    try {
      int status = Integer.parseInt(line().split(" ", 3)[1]);
      Map<String, String> headers = new TreeMap<>();
      for (String line = line(); !line.isEmpty(); line = line()) {
        String[] parts = line.split(":", 2);
        headers.put(parts[0].toLowerCase(Locale.ROOT), parts[1].strip());
      }
      return new Answer(status, headers, new String(body(headers), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] body(Map<String, String> headers) throws IOException {
    if (!"chunked".equals(headers.get("transfer-encoding"))) {
      return in.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
    }
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (true) {
      int size = Integer.parseInt(line().split(";", 2)[0], 16);
      body.write(in.readNBytes(size));
      var _ = line();
      if (size == 0) {
        return body.toByteArray();
      }
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("the gateway closed the connection");
      } else if (next != '\r') {
        line.append((char) next);
      }
    }
    return line.toString();
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
