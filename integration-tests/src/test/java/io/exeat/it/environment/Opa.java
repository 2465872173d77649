package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** An OPA server of its own, without a policy at first. */
public final class Opa implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Path binary;
  private final List<String> settings;
  private final int port;
  private final URI address;
  private final HttpClient http = HttpClient.newHttpClient();
  private Process process;

  private Opa(Path binary, List<String> settings, int port) {
    this.binary = binary;
    this.settings = settings;
    this.port = port;
    this.address = URI.create("http://127.0.0.1:" + port);
    this.process = run();
  }

  /** EXEAT_OPA_BIN, or {@code opa} on the PATH. */
  public static Optional<Path> binary() {
    return Binaries.environment("EXEAT_OPA_BIN").map(Path::of).or(() -> Binaries.onPath("opa"));
  }

  /** Starts one; it answers when this returns. */
  public static Opa start(Path binary) {
    return start(binary, List.of());
  }

  /**
   * The same with settings.
   *
   * @param settings each as {@code --set} takes it
   */
  public static Opa start(Path binary, List<String> settings) {
    Opa opa = new Opa(binary, settings, Processes.freePort());
    Runtime.getRuntime().addShutdownHook(new Thread(opa::close));
    opa.awaitHealth();
    return opa;
  }

  /** {@code kill -9}. */
  public void kill() {
    Processes.end(process, "KILL");
  }

  /** Starts it again where it was, without a policy. */
  public void restart() {
    process = run();
    awaitHealth();
  }

  private Process run() {
    try {
      List<String> command = new ArrayList<>();
      command.add(binary.toString());
      command.addAll(List.of("run", "--server", "--addr=127.0.0.1:" + port));
      command.addAll(List.of("--log-level=error", "--skip-version-check"));
      settings.forEach(each -> command.addAll(List.of("--set", each)));
      return new ProcessBuilder(command)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
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
