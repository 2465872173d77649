package io.exeat.it.environment;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** The real OpenBao without TLS, as if its host's clock were wrong: one request a connection. */
public final class PlainVault implements AutoCloseable {
  private final OpenBao vault;
  private final Duration ahead;
  private final ServerSocket server;
  private final HttpClient client;

  private PlainVault(OpenBao vault, Duration ahead) throws IOException {
    this.vault = vault;
    this.ahead = ahead;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.client = HttpClient.newBuilder().sslContext(vault.trust()).build();
  }

  /** In front of {@code vault}, with a clock that is {@code ahead} of the real one. */
  public static PlainVault of(OpenBao vault, Duration ahead) {
    try {
      PlainVault plain = new PlainVault(vault, ahead);
      var _ = Thread.ofPlatform().daemon().start(plain::accept);
      return plain;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public URI address() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort());
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        var _ = Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        // It is closed.
      }
    }
  }

  private void serve(Socket socket) {
    try (socket;
        InputStream in = new BufferedInputStream(socket.getInputStream());
        OutputStream out = socket.getOutputStream()) {
      String[] first = line(in).split(" ", 3);
      if (first.length < 3) {
        return;
      }
      HttpRequest.Builder request =
          HttpRequest.newBuilder(vault.address().resolve(first[1])).timeout(Duration.ofMinutes(1));
      int length = 0;
      for (String line = line(in); !line.isEmpty(); line = line(in)) {
        String[] header = line.split(": ", 2);
        if (header[0].equalsIgnoreCase("content-length")) {
          length = Integer.parseInt(header[1]);
        } else if (header[0].toLowerCase(java.util.Locale.ROOT).startsWith("x-vault-")) {
          request.header(header[0], header[1]);
        }
      }
      byte[] body = in.readNBytes(length);
      HttpResponse<byte[]> answer =
          client.send(
              request.method(first[0], HttpRequest.BodyPublishers.ofByteArray(body)).build(),
              HttpResponse.BodyHandlers.ofByteArray());
      String date =
          DateTimeFormatter.RFC_1123_DATE_TIME.format(
              Instant.now().plus(ahead).atOffset(ZoneOffset.UTC));
      String head =
          "HTTP/1.1 %d OK\r\nDate: %s\r\nContent-Type: application/json\r\n%sConnection: close\r\n\r\n"
              .formatted(
                  answer.statusCode(),
                  date.replace("Z", "GMT"),
                  answer.statusCode() == 204
                      ? ""
                      : "Content-Length: " + answer.body().length + "\r\n");
      out.write(head.getBytes(StandardCharsets.US_ASCII));
      out.write(answer.body());
      out.flush();
    } catch (IOException e) {
      // The asker sees a connection that ends.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      line.append((char) c);
    }
    return line.toString().stripTrailing();
  }

  @Override
  public void close() throws IOException {
    server.close();
    client.close();
  }
}
