package io.exeat.it.environment;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A server on this machine that has one bundle for OPA servers, made by {@code opa build}. */
public final class OpaBundle implements AutoCloseable {
  private final Path binary;
  private final Path folder;
  private final HttpServer server;
  private volatile byte[] bundle = {};

  /**
   * @param folder to make bundles in
   */
  public OpaBundle(Path binary, Path folder) {
    this.binary = binary;
    this.folder = folder;
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext(
        "/bundle.tar.gz",
        exchange -> {
          byte[] now = bundle;
          exchange.sendResponseHeaders(200, now.length);
          exchange.getResponseBody().write(now);
          exchange.close();
        });
    server.start();
  }

  /** What an OPA server is told to take it by, looking once a second; it calls it {@code b}. */
  public List<String> settings() {
    return List.of(
        "services.s.url=http://127.0.0.1:" + server.getAddress().getPort(),
        "bundles.b.service=s",
        "bundles.b.resource=bundle.tar.gz",
        "bundles.b.polling.min_delay_seconds=1",
        "bundles.b.polling.max_delay_seconds=1");
  }

  /** Has this from now on. */
  public void publish(String revision, String rego, String data) throws IOException {
    Path source = Files.createDirectories(folder.resolve("source"));
    Files.writeString(source.resolve("policy.rego"), rego);
    Files.writeString(source.resolve("data.json"), data);
    Path made = folder.resolve("bundle.tar.gz");
    Process build =
        new ProcessBuilder(
                List.of(
                    binary.toString(),
                    "build",
                    "--bundle",
                    source.toString(),
                    "--revision",
                    revision,
                    "--output",
                    made.toString()))
            .redirectErrorStream(true)
            .start();
    String said = new String(build.getInputStream().readAllBytes(), UTF_8);
    try {
      if (build.waitFor() != 0) {
        throw new IllegalStateException("opa build: " + said);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    bundle = Files.readAllBytes(made);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
