package io.exeat.it.environment;

import io.exeat.identity.Svid;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A real Envoy with the configuration that ships. */
public final class Envoy implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Process process;
  private final Path log;
  private final int port;

  private Envoy(Process process, Path log, int port) {
    this.process = process;
    this.log = log;
    this.port = port;
  }

  /** EXEAT_ENVOY_BIN, {@code envoy} on the PATH, or the one in a Python package. */
  public static Optional<Path> binary() {
    return Binaries.envoy();
  }

  /**
   * What is elsewhere than the shipped file says.
   *
   * @param own whom Envoy shows itself as
   * @param trusted who vouches for agents
   * @param authz where Exeat listens
   * @param upstream on this machine
   */
  public record Place(Svid own, X509Certificate trusted, Path authz, int upstream) {}

  /** Starts one; it listens when this returns. */
  public static Envoy start(Path binary, Path folder, Place place) {
    try {
      Map<String, String> changes =
          Map.of(
              "/run/envoy/svid.pem",
              pem(folder, "svid.pem", "CERTIFICATE", place.own().leaf().getEncoded()),
              "/run/envoy/svid.key",
              pem(folder, "svid.key", "PRIVATE KEY", place.own().key().getEncoded()),
              "/run/envoy/bundle.pem",
              pem(folder, "bundle.pem", "CERTIFICATE", place.trusted().getEncoded()),
              "/run/exeat-envoy/authz.sock",
              place.authz().toString(),
              "port_value: 8000",
              "port_value: " + place.upstream());
      int port = Processes.freePort();
      String yaml = Files.readString(Packaged.root().resolve("deploy/envoy/envoy.yaml"));
      yaml = replaced(yaml, "port_value: 8443", "port_value: " + port);
      for (Map.Entry<String, String> change : changes.entrySet()) {
        yaml = replaced(yaml, change.getKey(), change.getValue());
      }
      Path file = Files.writeString(folder.resolve("envoy.yaml"), yaml);
      Path log = folder.resolve("envoy.log");
      Process process =
          Processes.start(
              List.of(
                  binary.toString(),
                  "-c",
                  file.toString(),
                  "--disable-hot-restart",
                  "--concurrency",
                  "1",
                  "--log-level",
                  "warning"),
              log);
      Envoy envoy = new Envoy(process, log, port);
      Runtime.getRuntime().addShutdownHook(new Thread(envoy::close));
      Processes.await(
          "Envoy",
          PATIENCE,
          () -> {
            if (!process.isAlive()) {
              throw new IllegalStateException("Envoy has ended: " + envoy.log());
            }
            return Processes.answers(port);
          });
      return envoy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String pem(Path folder, String name, String type, byte[] der) throws IOException {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return Files.writeString(
            folder.resolve(name),
            "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(type, text, type))
        .toString();
  }

  private static String replaced(String yaml, String what, String by) {
    if (!yaml.contains(what)) {
      throw new IllegalStateException("deploy/envoy/envoy.yaml does not say " + what);
    }
    return yaml.replace(what, by);
  }

  public int port() {
    return port;
  }

  /** What it has said. */
  public String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    Processes.end(process, "TERM");
  }
}
