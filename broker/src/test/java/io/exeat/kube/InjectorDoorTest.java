package io.exeat.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Time;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.identity.TestIdentity;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Over real HTTPS on the loopback address. */
@NullMarked
final class InjectorDoorTest {
  private static final String ID = "spiffe://example.org/ns/exeat/sa/injector";
  private static final Time TIME = new Time(InstantSource.system(), System::nanoTime);

  private final TestAuthority authority = new TestAuthority("example.org");
  private @TempDir Path folder;
  private ServingCertificate certificate;
  private InjectorDoor door;

  @BeforeEach
  void open() throws IOException {
    write(authority.issueWeb(ID, "localhost"));
    certificate =
        ServingCertificate.of(
            new InjectConfig.Files(folder.resolve("tls.crt"), folder.resolve("tls.key")), TIME);
    certificate.look();
    door = open(certificate);
  }

  private static InjectorDoor open(ServingCertificate certificate) throws IOException {
    return InjectorDoor.open(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        certificate,
        Pods.webhook(Pods.HERE));
  }

  @AfterEach
  void close() {
    door.close();
  }

  @ParameterizedTest
  @EnumSource(HttpClient.Version.class)
  void aPodIsInjected(HttpClient.Version version) throws Exception {
    HttpResponse<byte[]> answer =
        post(client(version), door, Pods.bytes(Pods.review(Pods.plain())));

    assertThat(answer.version()).isEqualTo(version);
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("content-type")).hasValue("application/json");
    var response = Pods.JSON.readTree(answer.body()).get("response");
    assertThat(Pods.patched(Pods.plain(), response))
        .isEqualTo(Pods.injected(Pods.webhook(Pods.HERE), Pods.plain()));
  }

  /** The cheaper one of those that both have; who has no ChaCha20 is served too. */
  @ParameterizedTest
  @CsvSource({
    "TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256,"
        + " TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256"
  })
  void theDoorChoosesTheCipher(String offered, String chosen) throws Exception {
    try (SSLSocket socket = connect(client().sslContext())) {
      socket.setEnabledCipherSuites(offered.split(" "));
      socket.startHandshake();

      assertThat(socket.getSession().getCipherSuite()).isEqualTo(chosen);
    }
  }

  /** Each of its calls went through TLS and HTTP/2, and was answered with 200. */
  @Test
  void theDoorIsRehearsed() throws Exception {
    assertThat(Rehearsal.run(certificate, Pods.webhook(Pods.HERE))).isPositive();
  }

  /** As an SVID may come later. */
  @Test
  void withoutACertificateTheWebhookRehearsesAlone() throws Exception {
    ServingCertificate none =
        ServingCertificate.of(
            new InjectConfig.Files(folder.resolve("none.crt"), folder.resolve("none.key")), TIME);
    none.look();

    assertThat(Rehearsal.run(none, Pods.webhook(Pods.HERE))).isZero();
  }

  /** An API server's way: else each pod would cost a handshake. */
  @Test
  void manyPodsAtOnceShareAConnection() throws Exception {
    byte[] review = Pods.bytes(Pods.review(Pods.plain()));
    HttpClient client = client();
    byte[] session = get(client, door, "/healthz").sslSession().orElseThrow().getId();
    List<CompletableFuture<HttpResponse<byte[]>>> all = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      all.add(client.sendAsync(posting(door, review), BodyHandlers.ofByteArray()));
    }
    for (CompletableFuture<HttpResponse<byte[]>> one : all) {
      HttpResponse<byte[]> answer = one.get(30, TimeUnit.SECONDS);
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.sslSession().orElseThrow().getId()).isEqualTo(session);
    }
  }

  /** Each stream has its own bounds: one that is refused takes no other along. */
  @Test
  void aHugePodIsRefusedBesideOthers() throws Exception {
    HttpClient client = client();
    byte[] much = new byte[BodyBudget.MOST_OF_ONE + 1];
    var huge = client.sendAsync(posting(door, much), BodyHandlers.ofByteArray());
    HttpResponse<byte[]> beside = post(client, door, Pods.bytes(Pods.review(Pods.plain())));

    assertThat(beside.statusCode()).isEqualTo(200);
    assertThat(huge.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(413);
  }

  /** What an injector that is stopped has taken, it answers. */
  @Test
  void whatHasComeIsAnsweredWhenTheDoorCloses() throws Exception {
    byte[] review = Pods.bytes(Pods.review(Pods.plain()));
    HttpClient client = client();
    assertThat(post(client, door, review).statusCode()).isEqualTo(200);
    List<CompletableFuture<HttpResponse<byte[]>>> all = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      all.add(client.sendAsync(posting(door, review), BodyHandlers.ofByteArray()));
    }
    all.getFirst().get(30, TimeUnit.SECONDS);
    long begun = System.nanoTime();
    door.close();
    // On a machine that is too slow to answer within the bound, the rest is cut off.
    boolean whole = System.nanoTime() - begun < TimeUnit.MILLISECONDS.toNanos(900);
    int answered = 0;
    for (CompletableFuture<HttpResponse<byte[]>> one : all) {
      try {
        assertThat(one.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
        answered++;
      } catch (ExecutionException e) {
        // It came behind GOAWAY, which says so: who asked asks another, at a new connection.
        if (whole) {
          assertThat(e).rootCause().hasMessageNotContaining("reset");
        }
      }
    }
    assertThat(answered).isPositive();
  }

  @Test
  void anythingElseGetsAReason() throws Exception {
    assertThat(get("/healthz").statusCode()).isEqualTo(200);
    assertThat(get("/").statusCode()).isEqualTo(404);
    assertThat(get("/inject").statusCode()).isEqualTo(405);
    HttpResponse<byte[]> plain =
        client()
            .send(
                request(door, "/inject").POST(BodyPublishers.ofString("x")).build(),
                BodyHandlers.ofByteArray());
    assertThat(plain.statusCode()).isEqualTo(415);
    HttpResponse<byte[]> notJson = post(client(), door, "x".getBytes(UTF_8));
    assertThat(notJson.statusCode()).isEqualTo(400);
    assertThat(new String(notJson.body(), UTF_8)).startsWith("exeat: ");
  }

  @Test
  void aHugePodIsRefusedBeforeItIsRead() throws Exception {
    try (SSLSocket socket = connect(client().sslContext())) {
      OutputStream out = socket.getOutputStream();
      out.write(head(BodyBudget.MOST_OF_ONE + 1));
      out.flush();
      assertThat(firstLine(socket.getInputStream())).contains("413");
    }
  }

  /** Without a length the door counts itself. */
  @Test
  void aHugeChunkedPodIsRefused() throws Exception {
    byte[] much = new byte[BodyBudget.MOST_OF_ONE + 1];
    java.util.Arrays.fill(much, (byte) ' ');
    try (SSLSocket socket = connect(client().sslContext())) {
      OutputStream out = socket.getOutputStream();
      out.write(
          "POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
              .getBytes(UTF_8));
      out.write((Integer.toHexString(much.length) + "\r\n").getBytes(UTF_8));
      out.write(much);
      out.flush();
      assertThat(firstLine(socket.getInputStream())).contains("413");
    }
  }

  /** Five bodies of nearly the most that are all held open: together there is room for four. */
  @Test
  void allBodiesTogetherAreBoundedToo() throws Exception {
    int most = BodyBudget.MOST_OF_ONE - 1;
    List<SSLSocket> slow = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    try {
      for (int i = 0; i < 5; i++) {
        SSLSocket socket = connect(client().sslContext());
        slow.add(socket);
        OutputStream out = socket.getOutputStream();
        out.write(head(BodyBudget.MOST_OF_ONE));
        out.write(new byte[most]);
        out.flush();
      }
      for (SSLSocket socket : slow) {
        socket.setSoTimeout(500);
        try {
          refused.add(firstLine(socket.getInputStream()));
        } catch (java.net.SocketTimeoutException e) {
          // It is still waiting for the last byte.
        }
      }
      // The last two may come at the same time, and find no room for either.
      assertThat(refused).hasSizeBetween(1, 2).allMatch(line -> line.contains("503"));
    } finally {
      for (SSLSocket socket : slow) {
        socket.close();
      }
    }
    // What they held is given back.
    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() ->
            assertThat(post(client(), door, " ".repeat(1 << 20).getBytes(UTF_8)).statusCode())
                .isEqualTo(400));
  }

  @Test
  void certificatesRotateUnderLoadAndNoRequestIsLost() throws Exception {
    byte[] review = Pods.bytes(Pods.review(Pods.plain()));
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger answered = new AtomicInteger();
    Set<BigInteger> seen = ConcurrentHashMap.newKeySet();
    ThreadFactory threads = Thread.ofVirtual().factory();
    try (var load = Executors.newThreadPerTaskExecutor(threads)) {
      List<Future<?>> callers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        callers.add(
            load.submit(() -> {
              HttpClient client = client();
              for (int call = 0; !stop.get(); call++) {
                if (call % 4 == 3) {
                  client = client(); // and so a new connection
                }
                HttpResponse<byte[]> answer = post(client, door, review);
                assertThat(answer.statusCode()).isEqualTo(200);
                seen.add(serial(answer));
                answered.incrementAndGet();
              }
              return null;
            }));
      }
      for (int rotation = 0; rotation < 8; rotation++) {
        int before = answered.get();
        write(authority.issueWeb(ID, "localhost"));
        certificate.look();
        org.awaitility.Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> answered.get() > before + 12 || callers.stream().anyMatch(Future::isDone));
      }
      stop.set(true);
      for (Future<?> caller : callers) {
        caller.get();
      }
    }
    assertThat(answered.get()).isGreaterThan(90);
    assertThat(seen).as("certificates that were shown").hasSizeGreaterThan(4);
  }

  /** Chain and key are two files, and a reader may come between. */
  @Test
  void aKeyOfAnotherCertificateIsNotTaken() throws Exception {
    BigInteger first = serial(get("/healthz"));
    Svid next = authority.issueWeb(ID, "localhost");
    Files.writeString(folder.resolve("tls.crt"), pem("CERTIFICATE", next.leaf().getEncoded()));
    certificate.look();

    assertThat(serial(get("/healthz"))).isEqualTo(first);

    write(next);
    certificate.look();

    assertThat(serial(get("/healthz"))).isEqualTo(next.leaf().getSerialNumber());
  }

  @Test
  void theOwnSvidServesAndRotates() throws Exception {
    Svid first = authority.issueWeb(ID, "localhost");
    TestIdentity identity = new TestIdentity(first, authority.certificate());
    ServingCertificate svid = ServingCertificate.of(identity, TIME);
    svid.look();
    try (InjectorDoor other = open(svid)) {
      assertThat(serial(get(other, "/healthz"))).isEqualTo(first.leaf().getSerialNumber());
      Svid next = authority.issueWeb(ID, "localhost");
      identity.rotate(next);
      svid.look();
      assertThat(serial(get(other, "/healthz"))).isEqualTo(next.leaf().getSerialNumber());
    }
  }

  @Test
  void nothingIsServedWithoutAValidCertificate() throws Exception {
    Svid ended = authority.issue(ID, -120, -60);
    ServingCertificate old =
        ServingCertificate.of(new TestIdentity(ended, authority.certificate()), TIME);
    old.look();
    try (InjectorDoor other = open(old)) {
      assertThatThrownBy(() -> get(other, "/healthz")).isInstanceOf(IOException.class);
    }
  }

  private HttpResponse<byte[]> get(String path) throws Exception {
    return get(door, path);
  }

  private HttpResponse<byte[]> get(InjectorDoor at, String path) throws Exception {
    return get(client(), at, path);
  }

  private static HttpResponse<byte[]> get(HttpClient client, InjectorDoor at, String path)
      throws Exception {
    return client.send(request(at, path).build(), BodyHandlers.ofByteArray());
  }

  private static HttpResponse<byte[]> post(HttpClient client, InjectorDoor at, byte[] body)
      throws Exception {
    return client.send(posting(at, body), BodyHandlers.ofByteArray());
  }

  private static HttpRequest posting(InjectorDoor at, byte[] body) {
    return request(at, "/inject")
        .header("Content-Type", "application/json")
        .POST(BodyPublishers.ofByteArray(body))
        .build();
  }

  private static HttpRequest.Builder request(InjectorDoor at, String path) {
    return HttpRequest.newBuilder(URI.create("https://localhost:" + at.port() + path))
        .timeout(Duration.ofSeconds(30));
  }

  private static BigInteger serial(HttpResponse<byte[]> answer) {
    try {
      return ((X509Certificate) answer.sslSession().orElseThrow().getPeerCertificates()[0])
          .getSerialNumber();
    } catch (javax.net.ssl.SSLPeerUnverifiedException e) {
      throw new AssertionError(e);
    }
  }

  private SSLSocket connect(SSLContext tls) throws IOException {
    return (SSLSocket) tls.getSocketFactory().createSocket("localhost", door.port());
  }

  private static byte[] head(int length) {
    return ("POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
            + length
            + "\r\n\r\n")
        .getBytes(UTF_8);
  }

  private static String firstLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      line.append((char) c);
    }
    return line.toString();
  }

  private HttpClient client() {
    return client(HttpClient.Version.HTTP_2);
  }

  /** Trusts the authority alone, and looks at the host's name. */
  private HttpClient client(HttpClient.Version version) {
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setCertificateEntry("a", authority.certificate());
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext tls = SSLContext.getInstance("TLSv1.3");
      tls.init(null, trust.getTrustManagers(), null);
      return HttpClient.newBuilder().version(version).sslContext(tls).build();
    } catch (GeneralSecurityException | IOException e) {
      throw new AssertionError(e);
    }
  }

  private void write(Svid svid) {
    try {
      Files.writeString(folder.resolve("tls.crt"), pem("CERTIFICATE", svid.leaf().getEncoded()));
      Files.writeString(folder.resolve("tls.key"), pem("PRIVATE KEY", svid.key().getEncoded()));
    } catch (IOException | GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static String pem(String type, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(type, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der), type);
  }
}
