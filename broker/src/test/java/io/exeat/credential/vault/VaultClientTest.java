package io.exeat.credential.vault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.SecretBytes;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What becomes of one call when the connection breaks; the JVM runs as {@code app.Main} sets it.
 */
final class VaultClientTest {
  private final List<String> seen = new CopyOnWriteArrayList<>();
  private final ServerSocket server = listen();
  private final SecretBytes token = SecretBytes.adopt("t".getBytes(StandardCharsets.UTF_8));
  private final VaultClient client = client(Duration.ofSeconds(20));

  private VaultClient client(Duration timeout) {
    return new VaultClient(
        new VaultSettings(
            URI.create("http://127.0.0.1:" + server.getLocalPort()),
            Optional.empty(),
            "spiffe",
            "exeat",
            "vault",
            timeout,
            Duration.ofHours(1),
            Duration.ofMinutes(2),
            true),
        () -> {
          throw new IllegalStateException();
        });
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    server.close();
  }

  @Test
  void aRequestWhoseAnswerDoesNotComeIsSentOnceAndMayHaveBeenDone() throws Exception {
    Thread.ofVirtual().start(this::answerWarmAndBreakOtherwise);
    assertThat(client.get("warm", token).status()).isEqualTo(204);
    assertThatThrownBy(() -> client.get("database/creds/orders-read", token))
        .isInstanceOfSatisfying(NoAnswer.class, e -> assertThat(e.sent()).isTrue());
    assertThatThrownBy(() -> client.post("auth/token/create/a", token, Map.of()))
        .isInstanceOfSatisfying(NoAnswer.class, e -> assertThat(e.sent()).isTrue());
    assertThat(seen)
        .containsExactly(
            "GET /v1/warm", "GET /v1/database/creds/orders-read", "POST /v1/auth/token/create/a");
  }

  @Test
  void whereNobodyListensNothingWasSent() throws IOException {
    server.close();
    assertThatThrownBy(() -> client.get("database/creds/orders-read", token))
        .isInstanceOfSatisfying(NoAnswer.class, e -> assertThat(e.sent()).isFalse());
  }

  /** Its head says all is well, and the rest never comes. */
  @Test
  @Timeout(20)
  void anAnswerThatStopsInTheMiddleIsWaitedForNoLongerThanAnother() throws Exception {
    Thread.ofVirtual().start(this::answerHalf);
    try (VaultClient hasty = client(Duration.ofSeconds(1))) {
      assertThatThrownBy(() -> hasty.get("database/creds/orders-read", token))
          .isInstanceOfSatisfying(NoAnswer.class, e -> assertThat(e.sent()).isTrue());
    }
  }

  private void answerHalf() {
    try (Socket connection = server.accept()) {
      int _ = connection.getInputStream().read();
      connection
          .getOutputStream()
          .write(
              "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
                  .getBytes(StandardCharsets.US_ASCII));
      connection.getInputStream().transferTo(OutputStream.nullOutputStream()); // until it gives up
    } catch (IOException e) {
      // The test is over.
    }
  }

  private void answerWarmAndBreakOtherwise() {
    while (!server.isClosed()) {
      try (Socket connection = server.accept();
          BufferedReader in =
              new BufferedReader(
                  new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8))) {
        boolean goesOn = true;
        while (goesOn) {
          String line = in.readLine();
          if (line == null) {
            break;
          }
          seen.add(line.replace(" HTTP/1.1", ""));
          for (String header = line; header != null && !header.isEmpty(); ) {
            header = in.readLine();
          }
          goesOn = line.contains("/warm");
          if (goesOn) {
            connection
                .getOutputStream()
                .write("HTTP/1.1 204 No Content\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          }
        }
      } catch (IOException e) {
        // The test is over, or the client gave up: the next connection is looked at.
      }
    }
  }

  private static ServerSocket listen() {
    try {
      return new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
