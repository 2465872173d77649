package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A real kube-apiserver with an etcd of its own, on the loopback address. There is no controller,
 * no scheduler and no kubelet: pods are stored and stay so.
 */
public final class Kubernetes implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final String TOKEN = "the-tests-administrator";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process etcd;
  private final Process server;
  private final URI address;
  private final Path certificate;
  private final HttpClient http;
  private final String token;

  /** The JDK's HTTP/2 fails, instead of waiting, beyond the server's streams. */
  private final Semaphore streams = new Semaphore(90);

  private Kubernetes(
      Process etcd, Process server, URI address, Path certificate, HttpClient http, String token) {
    this.token = token;
    this.etcd = etcd;
    this.server = server;
    this.address = address;
    this.certificate = certificate;
    this.http = http;
  }

  /** The folder with {@code kube-apiserver} and {@code etcd}: KUBEBUILDER_ASSETS. */
  public static Optional<Path> binaries() {
    return Binaries.environment("KUBEBUILDER_ASSETS")
        .map(Path::of)
        .filter(it -> Files.isExecutable(it.resolve("kube-apiserver")))
        .filter(it -> Files.isExecutable(it.resolve("etcd")));
  }

  /** Starts both; the API answers when this returns. */
  public static Kubernetes start(Path binaries, Path folder) throws Exception {
    int clients = Processes.freePort();
    int peers = Processes.freePort();
    Process etcd =
        Processes.start(
            List.of(
                binaries.resolve("etcd").toString(),
                "--data-dir=" + folder.resolve("etcd"),
                "--listen-client-urls=http://127.0.0.1:" + clients,
                "--advertise-client-urls=http://127.0.0.1:" + clients,
                "--listen-peer-urls=http://127.0.0.1:" + peers,
                "--initial-advertise-peer-urls=http://127.0.0.1:" + peers,
                "--initial-cluster=default=http://127.0.0.1:" + peers),
            folder.resolve("etcd.log"));
    int port = Processes.freePort();
    Path certificates = Files.createDirectories(folder.resolve("certificates"));
    Process server =
        Processes.start(
            List.of(
                binaries.resolve("kube-apiserver").toString(),
                "--etcd-servers=http://127.0.0.1:" + clients,
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--secure-port=" + port,
                "--cert-dir=" + certificates,
                "--service-cluster-ip-range=10.0.0.0/24",
                "--service-account-issuer=https://localhost",
                "--service-account-key-file=" + publicKey(folder),
                "--service-account-signing-key-file=" + folder.resolve("sa.key"),
                "--token-auth-file="
                    + Files.writeString(
                        folder.resolve("tokens.csv"), TOKEN + ",admin,admin,system:masters\n"),
                // As clusters have it, where policies decide.
                "--allow-privileged=true",
                "--authorization-mode=RBAC"),
            folder.resolve("kube-apiserver.log"));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(server, etcd)));
    Path certificate = certificates.resolve("apiserver.crt");
    Processes.await(
        "the API server's certificate",
        PATIENCE,
        () -> Files.exists(certificate) && certificate.toFile().length() > 0);
    HttpClient http =
        HttpClient.newBuilder()
            // One connection, as a controller has: each more would cost the server a handshake.
            .version(HttpClient.Version.HTTP_2)
            .sslContext(trust(certificate))
            .build();
    Kubernetes made =
        new Kubernetes(
            etcd, server, URI.create("https://127.0.0.1:" + port), certificate, http, TOKEN);
    Processes.await(
        "the API server", PATIENCE, Duration.ofMillis(200), () -> made.isReady(server, folder));
    return made;
  }

  private boolean isReady(Process of, Path folder) {
    if (!of.isAlive()) {
      throw new IllegalStateException("kube-apiserver has ended: " + folder);
    }
    try {
      return send("GET", "/readyz", "application/json", "").status() == 200;
    } catch (UncheckedIOException e) {
      return false;
    }
  }

  private static Path publicKey(Path folder) throws GeneralSecurityException, IOException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    var keys = generator.generateKeyPair();
    Files.writeString(folder.resolve("sa.key"), pem("PRIVATE KEY", keys.getPrivate().getEncoded()));
    return Files.writeString(
        folder.resolve("sa.pub"), pem("PUBLIC KEY", keys.getPublic().getEncoded()));
  }

  private static String pem(String type, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(type, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der), type);
  }

  private static SSLContext trust(Path certificates) throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(certificates)) {
      int number = 0;
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("c" + number++, each);
      }
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  public URI address() {
    return address;
  }

  /** A service account's folder, as a kubelet fills it for a pod. */
  public Path account(String namespace, String name, Path folder) throws IOException {
    Said token =
        create(
            "/api/v1/namespaces/" + namespace + "/serviceaccounts/" + name + "/token",
            JSON.createObjectNode()
                .put("apiVersion", "authentication.k8s.io/v1")
                .put("kind", "TokenRequest"));
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("token"), token.body().at("/status/token").asText());
    Files.copy(certificate, folder.resolve("ca.crt"), StandardCopyOption.REPLACE_EXISTING);
    return folder;
  }

  /** For the clients of Kubernetes: its administrator's. */
  public Path kubeconfig(Path file) throws IOException {
    return Files.writeString(
        file,
        """
        apiVersion: v1
        kind: Config
        current-context: tests
        contexts: [{name: tests, context: {cluster: tests, user: admin}}]
        clusters: [{name: tests, cluster: {server: "%s", certificate-authority: "%s"}}]
        users: [{name: admin, user: {token: "%s"}}]
        """
            .formatted(address, certificate, token));
  }

  /** The same server for who has another token. */
  public Kubernetes as(Path account) throws IOException {
    return new Kubernetes(
        etcd, server, address, certificate, http, Files.readString(account.resolve("token")));
  }

  /** What the API server said. */
  public record Said(int status, JsonNode body) {
    public boolean done() {
      return status / 100 == 2;
    }

    /** For a refusal. */
    public String message() {
      return body.path("message").asText();
    }
  }

  public int port() {
    return address.getPort();
  }

  /** Who vouches for it, in PEM. */
  public String authorities() {
    try {
      return Files.readString(certificate);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A token of an account, for a day (TokenRequest). */
  public String tokenOf(String namespace, String account) {
    Said said =
        create(
            "/api/v1/namespaces/%s/serviceaccounts/%s/token".formatted(namespace, account),
            JSON.createObjectNode()
                .set("spec", JSON.createObjectNode().put("expirationSeconds", 86_400)));
    if (!said.done()) {
      throw new IllegalStateException(said.message());
    }
    return said.body().path("status").path("token").asText();
  }

  /** As somebody else than its administrator. */
  public Said as(String other, String method, String path) {
    return as(other, method, path, "");
  }

  /** The same with a body. */
  public Said as(String other, String method, String path, String body) {
    return said(sent(method, path, "application/json", body, other));
  }

  /** Creates an object of JSON. */
  public Said create(String path, JsonNode object) {
    return send("POST", path, "application/json", object.toString());
  }

  public Said get(String path) {
    return send("GET", path, "application/json", "");
  }

  public Said delete(String path) {
    return send("DELETE", path, "application/json", "");
  }

  /**
   * Server-side apply of one document.
   *
   * @param options of the query, such as {@code &dryRun=All}
   */
  public Said apply(String path, String options, String yaml) {
    return send(
        "PATCH",
        path + "?fieldManager=tests&force=true&fieldValidation=Strict" + options,
        "application/apply-patch+yaml",
        yaml);
  }

  /** A patch of the given type. */
  public Said patch(String path, String type, String body) {
    return send("PATCH", path, type, body);
  }

  private Said send(String method, String path, String type, String body) {
    return said(sent(method, path, type, body, token));
  }

  private static Said said(HttpResponse<String> answer) {
    try {
      return new Said(
          answer.statusCode(),
          answer.body().startsWith("{") ? JSON.readTree(answer.body()) : JSON.createObjectNode());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What is not JSON, such as its metrics. */
  public String text(String path) {
    return sent("GET", path, "text/plain", "", token).body();
  }

  private HttpResponse<String> sent(
      String method, String path, String type, String body, String by) {
    HttpRequest request =
        HttpRequest.newBuilder(address.resolve(path))
            .timeout(Duration.ofSeconds(60))
            .header("Authorization", "Bearer " + by)
            .header("Content-Type", type)
            .header("Accept", type.startsWith("text/") ? type : "application/json")
            .method(method, BodyPublishers.ofString(body))
            .build();
    streams.acquireUninterruptibly();
    try {
      return http.send(request, BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      streams.release();
    }
  }

  /** Posts what is JSON already, and reads no more of the answer than its status. */
  public int post(String path, String json) {
    return sent("POST", path, "application/json", json, token).statusCode();
  }

  /** Sets all of its metrics to nothing. */
  public void forget() {
    Said said = send("DELETE", "/metrics", "text/plain", "");
    if (!said.done()) {
      throw new IllegalStateException(said.message());
    }
  }

  /** The processor's time that the API server has taken since its start. */
  public Duration work() {
    return server.info().totalCpuDuration().orElseThrow();
  }

  private static void end(Process... all) {
    for (Process one : all) {
      Processes.end(one, "TERM");
    }
  }

  @Override
  public void close() {
    http.close();
    end(server, etcd);
  }
}
