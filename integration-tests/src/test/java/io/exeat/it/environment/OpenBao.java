package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * An OpenBao server of ours in a temporary folder: raft storage, TLS on the loopback address by a
 * certificate of its own, an audit file; initialised and unsealed.
 */
public final class OpenBao implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration ANSWER = Duration.ofSeconds(30);

  /** Where its storage has tokens. */
  private static final String TOKENS = "sys/token/id/";

  private final Server server;
  private final Path folder;
  private final int port = Processes.freePort();
  private final int mutualPort = Processes.freePort();
  private final TestCertificate certificate;
  private final HttpClient http;
  private @Nullable Process process;
  private @Nullable AutoCloseable elsewhere;
  private String unsealKey = "";
  private String root = "";

  /** How the program is run. */
  private sealed interface Server {
    record Here(Path bao) implements Server {}

    record InContainer(Path bao) implements Server {}
  }

  private OpenBao(Server server, Path folder) {
    this.server = server;
    this.folder = folder;
    this.certificate = TestCertificate.create(folder);
    this.http = HttpClient.newBuilder().sslContext(certificate.trust()).build();
  }

  /** A new server. */
  public static OpenBao start(Path bao) {
    return start(new Server.Here(bao), Optional.empty());
  }

  /**
   * A new server that also listens at {@link #mutual}, for clients that have a certificate of an
   * authority in {@code clients}.
   */
  public static OpenBao start(Path bao, Path clients) {
    return start(new Server.Here(bao), Optional.of(clients));
  }

  /** The same in a container, with what the binary finds there: nothing. */
  public static OpenBao startInContainer(Path bao) {
    return start(new Server.InContainer(bao), Optional.empty());
  }

  private static OpenBao start(Server kind, Optional<Path> clients) {
    try {
      Path folder = Files.createTempDirectory("exeat-bao");
      OpenBao server = new OpenBao(kind, folder);
      Files.createDirectories(folder.resolve("raft"));
      Files.writeString(
          folder.resolve("bao.hcl"),
          """
          storage "raft" {
            path = "%1$s/raft"
            node_id = "one"
            performance_multiplier = 1
          }
          listener "tcp" {
            address = "127.0.0.1:%2$d"
            tls_cert_file = "%1$s/tls.crt"
            tls_key_file = "%1$s/tls.key"
          }
          %4$s
          audit "file" "file" {
            description = "all of it"
            options = { file_path = "%1$s/audit.log" }
          }
          api_addr = "https://127.0.0.1:%2$d"
          cluster_addr = "https://127.0.0.1:%3$d"
          disable_mlock = true
          raw_storage_endpoint = true
          log_level = "warn"
          """
              .formatted(
                  folder,
                  server.port,
                  Processes.freePort(),
                  clients.map(server::mutualListener).orElse("")));
      server.run();
      JsonNode init =
          server.call("PUT", "sys/init", Map.of("secret_shares", 1, "secret_threshold", 1)).body();
      server.unsealKey = init.path("keys_base64").path(0).asText();
      server.root = init.path("root_token").asText();
      server.unseal();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public URI address() {
    return URI.create("https://127.0.0.1:" + port);
  }

  /** Where it talks only to clients that show a certificate. */
  public URI mutual() {
    return URI.create("https://127.0.0.1:" + mutualPort);
  }

  private String mutualListener(Path clients) {
    return """
    listener "tcp" {
      address = "127.0.0.1:%2$d"
      tls_cert_file = "%1$s/tls.crt"
      tls_key_file = "%1$s/tls.key"
      tls_require_and_verify_client_cert = true
      tls_client_ca_file = "%3$s"
    }
    """
        .formatted(folder, mutualPort, clients);
  }

  /** Trusts this server alone. */
  public SSLContext trust() {
    return certificate.trust();
  }

  /** What the server shows, for a server of the test's in its place. */
  public SSLContext server() {
    return certificate.server();
  }

  /** The certificate that vouches for the server, in PEM. */
  public Path ca() {
    return folder.resolve("tls.crt");
  }

  /** The first token; for the operator's part and for looking, never for the broker. */
  public String rootToken() {
    return root;
  }

  /** One JSON line for each request and each answer. */
  public Path audit() {
    return folder.resolve("audit.log");
  }

  /** What it answers to the root token. */
  public Reply call(String method, String path, Object body) {
    return call(method, path, body, root);
  }

  /** What it answers to any token; an empty one is not sent. */
  public Reply call(String method, String path, Object body, String token) {
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(address().resolve("/v1/" + path))
              .timeout(ANSWER)
              .method(
                  method,
                  Map.of().equals(body)
                      ? HttpRequest.BodyPublishers.noBody()
                      : HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)));
      if (!token.isEmpty()) {
        request.header("X-Vault-Token", token);
      }
      HttpResponse<byte[]> response =
          http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      byte[] bytes = response.body();
      return new Reply(
          response.statusCode(),
          bytes.length == 0 ? JSON.createObjectNode() : JSON.readTree(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /**
   * Leaves an accessor whose token is gone, as where its maker hung up before it was whole.
   *
   * @return the accessor
   */
  public String leaveAnAccessorOfNone() {
    String accessor = newToken();
    call("DELETE", entry(accessor), Map.of());
    return accessor;
  }

  /**
   * Leaves a token that Vault has begun to end and has not ended.
   *
   * @return its accessor
   */
  public String leaveATokenInItsEnding() {
    String accessor = newToken();
    String entry = entry(accessor);
    String token = call("GET", entry, Map.of()).data().path("value").asText();
    call("PUT", entry, Map.of("value", token.replace("\"num_uses\":0", "\"num_uses\":-3")));
    return accessor;
  }

  private String newToken() {
    return call("POST", "auth/token/create", Map.of("ttl", "10m")).auth().path("accessor").asText();
  }

  /** Where its storage has the token. */
  private String entry(String accessor) {
    return call("LIST", "sys/raw/" + TOKENS, Map.of())
        .data()
        .path("keys")
        .valueStream()
        .map(key -> "sys/raw/" + TOKENS + key.asText())
        .filter(
            path -> call("GET", path, Map.of()).data().path("value").asText().contains(accessor))
        .findFirst()
        .orElseThrow();
  }

  /** A PKI engine with an issuer, as people make it once; nothing where it is. */
  public void makeIssuer(String mount, String issuer) {
    if (call("POST", "sys/mounts/" + mount, Map.of("type", "pki")).status() == 204) {
      Reply made =
          call(
              "POST",
              mount + "/root/generate/internal",
              Map.of("common_name", issuer, "key_type", "ec", "issuer_name", issuer));
      if (made.status() != 200) {
        throw new IllegalStateException(made.body().toString());
      }
    }
  }

  /** An SSH engine with an authority, as people make it once; nothing where it is. */
  public void makeAuthority(String mount) {
    if (call("POST", "sys/mounts/" + mount, Map.of("type", "ssh")).status() == 204) {
      Reply made =
          call(
              "POST",
              mount + "/config/ca",
              Map.of("generate_signing_key", true, "key_type", "ed25519"));
      if (made.status() != 200) {
        throw new IllegalStateException(made.body().toString());
      }
    }
  }

  /** The authority's public key, one line. */
  public String authority(String mount) {
    return call("GET", mount + "/config/ca", Map.of()).data().path("public_key").asText().strip();
  }

  /** Whether the issuer makes its list anew now and then only, instead of at once. */
  public void makeListLate(boolean late) {
    Reply said = call("POST", "pki/config/crl", Map.of("auto_rebuild", late));
    Reply made = late ? said : call("GET", "pki/crl/rotate", Map.of());
    if (said.status() >= 300 || made.status() != 200) {
      throw new IllegalStateException(said + ", " + made);
    }
  }

  public void seal() {
    Reply _ = call("PUT", "sys/seal", Map.of());
  }

  /** Unseals it and waits until it works. */
  public void unseal() {
    Processes.await(
        "OpenBao's unsealing",
        ANSWER,
        () -> {
          Reply _ = call("PUT", "sys/unseal", Map.of("key", unsealKey));
          return call("GET", "sys/health", Map.of()).status() == 200;
        });
  }

  /** Ends it with kill -9. */
  public void kill() {
    if (process != null) {
      Processes.end(process, "KILL");
    }
  }

  /** It is there and does not answer. */
  public void freeze() {
    if (process != null) {
      Processes.signal(process, "STOP");
    }
  }

  public void thaw() {
    if (process != null) {
      Processes.signal(process, "CONT");
    }
  }

  /** Starts it again after {@link #kill} or {@link #stop}, and unseals it. */
  public void restart() {
    run();
    unseal();
  }

  public void stop() {
    if (process != null) {
      Processes.end(process, "TERM");
    }
  }

  /** Stops it and removes its folder. */
  @Override
  public void close() {
    Optional.ofNullable(process)
        .filter(Process::isAlive)
        .ifPresent(alive -> Processes.signal(alive, "CONT"));
    stop();
    if (elsewhere != null) {
      try {
        elsewhere.close();
      } catch (Exception e) { // the folder is to go all the same
        System.err.println("not closed: " + e);
      }
    }
    Processes.delete(folder);
  }

  private void run() {
    Path config = folder.resolve("bao.hcl");
    switch (server) {
      case Server.Here here ->
          process =
              Processes.start(
                  List.of(here.bao().toString(), "server", "-config=" + config),
                  folder.resolve("log"));
      case Server.InContainer there ->
          elsewhere = Docker.run(there.bao(), folder, "server", "-config=" + config);
    }
    Process started = process;
    Processes.await(
        "OpenBao's first answer",
        ANSWER,
        () -> {
          if (started != null && !started.isAlive()) {
            throw new IllegalStateException("OpenBao ended: see " + folder.resolve("log"));
          }
          return Processes.answers(port);
        });
  }

  /** What the server said. */
  public record Reply(int status, JsonNode body) {
    public JsonNode data() {
      return body.path("data");
    }

    public JsonNode auth() {
      return body.path("auth");
    }
  }
}
