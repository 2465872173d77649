package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;

/** {@code exeat inject}, packaged, with its certificate in two files. */
public final class Injector implements AutoCloseable {
  private final Path folder;
  private final int port;
  private Process process;

  private Injector(Path folder, int port, Process process) {
    this.folder = folder;
    this.port = port;
    this.process = process;
  }

  /** Starts one; it serves when this returns. */
  public static Injector start(Path folder, TestCertificate certificate, String sidecar) {
    try {
      Files.createDirectories(folder);
      int port = Processes.freePort();
      Files.writeString(
          folder.resolve("inject.yaml"),
          """
          port: %d
          namespace: exeat
          certificate: {chain: %s, key: %s}
          sidecar: {trust-domain: example.org, image: "registry.example.org/exeat:1"%s}
          """
              .formatted(port, folder.resolve("tls.crt"), folder.resolve("tls.key"), sidecar));
      copy(certificate, folder);
      Injector injector = new Injector(folder, port, run(folder));
      Runtime.getRuntime().addShutdownHook(new Thread(injector::close));
      injector.await();
      return injector;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts one with its own {@code inject.yaml} in {@code folder}, at {@code port}; it listens when
   * this returns.
   */
  public static Injector start(Path folder, int port) {
    Injector injector = new Injector(folder, port, run(folder));
    Runtime.getRuntime().addShutdownHook(new Thread(injector::close));
    injector.await();
    return injector;
  }

  private static Process run(Path folder) {
    return Processes.start(
        Packaged.command("inject", "--config", folder.resolve("inject.yaml").toString()),
        folder.resolve("inject.log"));
  }

  private void await() {
    Processes.await(
        "the injector",
        Duration.ofMinutes(5),
        () -> {
          if (!process.isAlive()) {
            throw new IllegalStateException("the injector has ended: " + folder);
          }
          return Processes.answers(port);
        });
  }

  public int port() {
    return port;
  }

  /** Replaces the certificate's files, as a Secret's volume does. */
  public void rotate(TestCertificate next) throws IOException {
    copy(next, folder);
  }

  private static void copy(TestCertificate from, Path folder) throws IOException {
    Files.copy(from.certificate(), folder.resolve("tls.crt"), StandardCopyOption.REPLACE_EXISTING);
    Files.copy(from.key(), folder.resolve("tls.key"), StandardCopyOption.REPLACE_EXISTING);
  }

  /** What it has said. */
  public String log() throws IOException {
    return Files.readString(folder.resolve("inject.log"));
  }

  /** The processor's time that it has taken since its start. */
  public Duration work() {
    return process.info().totalCpuDuration().orElseThrow();
  }

  /** SIGKILL. */
  public void kill() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Starts it again on the same port. */
  public void again() {
    process = run(folder);
    await();
  }

  @Override
  public void close() {
    Processes.end(process, "TERM");
  }
}
