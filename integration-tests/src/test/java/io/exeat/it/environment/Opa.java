package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** An OPA server of its own, without a policy at first. */
public final class Opa implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Process process;
  private final URI address;
  private final HttpClient http = HttpClient.newHttpClient();

  private Opa(Process process, URI address) {
    this.process = process;
    this.address = address;
  }

  /** EXEAT_OPA_BIN, or {@code opa} on the PATH. */
  public static Optional<Path> binary() {
    return Binaries.environment("EXEAT_OPA_BIN").map(Path::of).or(() -> Binaries.onPath("opa"));
  }

  /** Starts one; it answers when this returns. */
  public static Opa start(Path binary) {
    try {
      int port = freePort();
      ProcessBuilder builder =
          new ProcessBuilder(
              List.of(
                  binary.toString(),
                  "run",
                  "--server",
                  "--addr=127.0.0.1:" + port,
                  "--log-level=error",
                  "--skip-version-check"));
      builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
      builder.redirectError(ProcessBuilder.Redirect.DISCARD);
      Opa opa = new Opa(builder.start(), URI.create("http://127.0.0.1:" + port));
      Runtime.getRuntime().addShutdownHook(new Thread(opa::close));
      opa.awaitHealth();
      return opa;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public URI address() {
    return address;
  }

  /** Puts the policy in force under this name. */
  public void policy(String name, String rego) {
    int status =
        send(
            HttpRequest.newBuilder(address.resolve("/v1/policies/" + name))
                .PUT(HttpRequest.BodyPublishers.ofString(rego)));
    if (status != 200) {
      throw new IllegalStateException("OPA refuses " + name + ": " + status + "\n" + rego);
    }
  }

  /** Takes it out of force. */
  public void remove(String name) {
    send(HttpRequest.newBuilder(address.resolve("/v1/policies/" + name)).DELETE());
  }

  private void awaitHealth() {
    long until = System.nanoTime() + PATIENCE.toNanos();
    while (send(HttpRequest.newBuilder(address.resolve("/health"))) != 200) {
      if (System.nanoTime() - until > 0 || !process.isAlive()) {
        throw new IllegalStateException("OPA does not come up");
      }
    }
  }

  private int send(HttpRequest.Builder request) {
    try {
      return http.send(request.timeout(PATIENCE).build(), BodyHandlers.ofString()).statusCode();
    } catch (IOException e) {
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(Duration.ofSeconds(5))) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
