package io.exeat.it.contract;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.gateway.extauthz.ExtAuthz;
import io.exeat.gateway.extauthz.ExtAuthzConfig;
import io.exeat.gateway.extauthz.FakeProxy;
import io.exeat.gateway.extauthz.Upstreams;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.Serving;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.identity.IdPattern;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.identity.TestIdentity;
import io.exeat.identity.TestTime;
import io.exeat.it.Needs;
import io.exeat.it.environment.Anybody;
import io.exeat.it.environment.Envoy;
import io.exeat.it.environment.Recorder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real Envoy with the configuration that ships, between agents and an upstream that writes down
 * what reaches it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
class EnvoyIT {
  private static final SpiffeId ENVOY = SpiffeId.parse("spiffe://example.org/envoy");
  private static final String CLERK = "spiffe://example.org/agent/clerk";
  private static final String BASIC =
      "Basic " + Base64.getEncoder().encodeToString(("user:" + FakeProxy.SECRET).getBytes(UTF_8));

  private final TestAuthority authority = new TestAuthority("example.org");
  private final FakeProxy proxy = new FakeProxy();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  private final Serving serving = new Serving();

  @TempDir private static Path folder;
  private Recorder upstream;
  private ExtAuthz door;
  private Envoy envoy;
  private HttpClient clerk;

  @BeforeAll
  void start() throws Exception {
    Path binary = Needs.part("envoy", Envoy.binary());
    upstream = new Recorder();
    open();
    serving.set(true);
    envoy =
        Envoy.start(
            binary,
            folder,
            new Envoy.Place(
                authority.issue(ENVOY.toString()),
                authority.certificate(),
                socket(),
                upstream.port()));
    clerk = client(authority.issue(CLERK));
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> post(clerk, call("find", "{}")).statusCode() == 200);
  }

  private Path socket() {
    return folder.resolve("run").resolve("authz.sock");
  }

  private void open() throws Exception {
    int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    door =
        ExtAuthz.open(
            new ExtAuthzConfig(
                new ExtAuthzConfig.Door.Socket(
                    new UnixDoorConfig(socket(), Optional.empty()), Set.of(uid)),
                new IdPattern("spiffe://example.org/agent/*"),
                Optional.of("exeat")),
            tls(authority.issue(ENVOY.toString())),
            Optional.of(EnvoyIT::token),
            Upstreams::find,
            proxy,
            new DoorParts(loops, calls, serving, Limits.DEFAULT));
  }

  private static SpiffeId token(String token) {
    if (token.equals("a.jwt.svid")) {
      return SpiffeId.parse("spiffe://example.org/agent/jot");
    }
    throw new FaultException(new Fault.Unattested("the JWT-SVID does not verify"));
  }

  private SpiffeTls tls(Svid svid) {
    return new SpiffeTls(new TestIdentity(svid, authority.certificate()), TestTime.real());
  }

  private HttpClient client(Svid svid) {
    return HttpClient.newBuilder().sslContext(tls(svid).context(ENVOY::equals)).build();
  }

  @AfterAll
  void stop() throws Exception {
    if (envoy != null) {
      envoy.close();
    }
    if (door != null) {
      door.close();
    }
    if (upstream != null) {
      upstream.close();
    }
    calls.shutdownNow();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }

  @BeforeEach
  void forget() {
    proxy.calls.clear();
    proxy.failure = null;
    upstream.reached().clear();
  }

  /** Whatever was sent: nothing reaches the upstream that was not asked about before. */
  @AfterEach
  void everyEffectHasAPermit() {
    assertThat(reached()).hasSizeLessThanOrEqualTo(proxy.calls.size());
    assertThat(proxy.underWay).hasValue(0);
  }

  private List<String> reached() {
    return upstream.reached().stream().map(Recorder.Request::line).toList();
  }

  private static String call(String tool, String arguments) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s}}"
        .formatted(tool, arguments);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + envoy.port() + path))
        .timeout(Duration.ofSeconds(20));
  }

  private HttpResponse<String> post(HttpClient client, String body, String... more)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        request("/mcp/tracker")
            .header("content-type", "application/json")
            .POST(BodyPublishers.ofString(body));
    for (int i = 0; i < more.length; i += 2) {
      request.setHeader(more[i], more[i + 1]);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return clerk.send(request(path).GET().build(), BodyHandlers.ofString());
  }

  @Test
  void aPermittedCallReachesTheUpstreamWithWhatWasLentAndNothingOfTheAgents() throws Exception {
    HttpResponse<String> answer =
        post(
            clerk,
            call("find", "{\"q\":\"late\"}"),
            "Authorization",
            "Bearer the-agents-own",
            "exeat-task",
            FakeProxy.TASK.value(),
            "x-http-method-override",
            "DELETE");

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("exeat-decision")).contains("d00000000000000000001");
    assertThat(answer.headers().map().toString() + answer.body())
        .doesNotContain(FakeProxy.SECRET, BASIC);
    assertThat(reached()).containsExactly("POST /mcp");
    assertThat(upstream.reached().getFirst().headers().get("Authorization")).containsExactly(BASIC);
    assertThat(upstream.reached().getFirst().headers().keySet())
        .doesNotContain("Exeat-task", "X-http-method-override", "X-forwarded-client-cert");
    assertThat(proxy.calls)
        .containsExactly("use /agent/clerk by envoy: call tracker.find under g {q=late}");
  }

  @Test
  void aDeniedCallIsAnsweredInPlaceOfTheUpstream() throws Exception {
    HttpResponse<String> answer = post(clerk, call("forbidden", "{}"));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).contains("\"id\":7", "\"isError\":true", "never");
    assertThat(post(clerk, call("other", "{}")).body()).contains("-32602", "Unknown tool: other");
    assertThat(post(clerk, call("undecided", "{}")).body()).contains("-32603");
    assertThat(reached()).isEmpty();
  }

  @Test
  void aCallThatAsksSaysWhoseYesItWaitsFor() throws Exception {
    HttpResponse<String> answer = post(clerk, call("risky", "{}"));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("content-type")).contains("application/json");
    assertThat(answer.body())
        .isEqualTo(
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"denied:"
                + " d00000000000000000001: needs the approval of owner, then call again: fake\"}],"
                + "\"isError\":true,\"_meta\":{\"io.exeat/decision\":\"d00000000000000000001\","
                + "\"io.exeat/approvers\":[\"owner\"],\"io.exeat/retry-after\":15}}}");
    assertThat(reached()).isEmpty();
  }

  @Test
  void otherMethodsAreAnsweredWithJsonRpcsErrorWhenTheyAreDenied() throws Exception {
    for (String params :
        List.of("resources/read {\"uri\":\"docs://a\"}", "prompts/get {\"name\":\"greet\"}")) {
      String[] parts = params.split(" ", 2);
      String message = message(parts[0], parts[1]);
      assertThat(post(clerk, message).statusCode()).as(message).isEqualTo(200);
      assertThat(upstream.reached().getLast().headers().get("Authorization"))
          .containsExactly(BASIC);
    }
    assertThat(reached()).hasSize(2);
    upstream.reached().clear();

    String forbidden = message("resources/read", "{\"uri\":\"secret://a\"}");
    HttpResponse<String> denied = post(clerk, forbidden);
    assertThat(denied.statusCode()).isEqualTo(403);
    assertThat(denied.body()).contains("\"id\":7", "-32603", "never");
    assertThat(post(clerk, message("resources/read", "{\"uri\":\"other://a\"}")).body())
        .contains("-32602", "Resource not found: other://a");
    assertThat(post(clerk, message("prompts/get", "{\"name\":\"other\"}")).body())
        .contains("-32602", "Unknown prompt: other");
    assertThat(reached()).isEmpty();
  }

  @Test
  void looksGoOnWithWhatWasLentAndUnknownMessagesDoNot() throws Exception {
    for (String method : List.of("initialize", "tools/list", "ping")) {
      assertThat(post(clerk, message(method, "{}")).statusCode()).as(method).isEqualTo(200);
    }
    HttpResponse<String> stream = get("/mcp/tracker");
    assertThat(stream.statusCode()).isEqualTo(200);
    assertThat(reached()).containsExactly("POST /mcp", "POST /mcp", "POST /mcp", "GET /mcp");
    assertThat(upstream.reached())
        .allSatisfy(it -> assertThat(it.headers().get("Authorization")).containsExactly(BASIC));
    assertThat(proxy.calls).allSatisfy(it -> assertThat(it).startsWith("look /agent/clerk"));
    upstream.reached().clear();

    String notification = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/other\"}";
    assertThat(post(clerk, notification).statusCode()).isEqualTo(403);
    HttpRequest put =
        request("/mcp/tracker")
            .header("content-type", "application/json")
            .PUT(BodyPublishers.ofString(call("find", "{}")))
            .build();
    assertThat(clerk.send(put, BodyHandlers.ofString()).statusCode()).isEqualTo(403);
    assertThat(reached()).isEmpty();
  }

  @Test
  void plainRequestsThatAreNotPermittedAreRefusedInWords() throws Exception {
    assertThat(send("DELETE").statusCode()).isEqualTo(403);
    assertThat(send("DELETE").body()).contains("never").doesNotContain("jsonrpc");
    assertThat(send("PATCH").statusCode()).isEqualTo(403);
    assertThat(send("PATCH").body()).contains("needs the approval of owner");
    assertThat(send("PUT").statusCode()).isEqualTo(503);
    assertThat(send("PUT").body()).contains("Cedar is away");
    assertThat(reached()).isEmpty();
  }

  private HttpResponse<String> send(String method) throws IOException, InterruptedException {
    HttpRequest request =
        request("/api/orders/1").method(method, BodyPublishers.ofString("{}")).build();
    return clerk.send(request, BodyHandlers.ofString());
  }

  private static String message(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}"
        .formatted(method, params);
  }

  @Test
  void aNameBehindNineKilobytesIsStillTheName() throws Exception {
    for (int size : new int[] {9_000, 70_000, 900_000}) {
      assertThat(post(clerk, late("forbidden", size)).body()).contains("isError");
      assertThat(reached()).isEmpty();
    }
    String late = late("find", 900_000);
    assertThat(post(clerk, late).statusCode()).isEqualTo(200);
    assertThat(upstream.reached().getFirst().body()).isEqualTo(late);
  }

  private static String late(String tool, int size) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"arguments\":{\"a\":\"%s\"},\"name\":\"%s\"}}"
        .formatted("x".repeat(size), tool);
  }

  @Test
  void whatIsLargerThanWhatIsLookedAtIsTooLarge() throws Exception {
    String large = call("find", "{\"a\":\"" + "x".repeat(1 << 20) + "\"}");

    HttpResponse<String> tooLarge = post(clerk, large);
    assertThat(tooLarge.statusCode()).isEqualTo(413);
    assertThat(reached()).isEmpty();
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void batchesKeysTwiceAndOtherMethodsDoNotGoOn() throws Exception {
    String twice = call("find", "{}").replace("\"name\"", "\"name\":\"forbidden\",\"name\"");
    String alike = call("find", "{}").replace("\"name\"", "\"Name\":\"forbidden\",\"name\"");
    for (String body : List.of("[" + call("find", "{}") + "]", twice, alike, "", "{", "null")) {
      assertThat(post(clerk, body).statusCode()).as(body).isEqualTo(400);
    }
    assertThat(post(clerk, call("find", "{}").replace("tools/call", "tasks/get")).statusCode())
        .isEqualTo(404);
    assertThat(post(clerk, call("find", "{}"), "mcp-name", "forbidden").statusCode())
        .isEqualTo(400);
    assertThat(post(clerk, call("find", "{}"), "content-type", "text/plain").statusCode())
        .isEqualTo(400);
    assertThat(post(clerk, call("find", "{}"), "x-envoy-auth-partial-body", "false").statusCode())
        .isIn(200, 400);
    upstream.reached().clear();
    assertThat(post(clerk, "[]", "x-envoy-auth-partial-body", "false").statusCode()).isEqualTo(400);
    assertThat(reached()).isEmpty();
  }

  @Test
  void whoShowsNoCertificateNeedsAToken() throws Exception {
    HttpClient nobody = HttpClient.newBuilder().sslContext(Anybody.context()).build();

    HttpResponse<String> none = post(nobody, call("find", "{}"));
    HttpResponse<String> wrong = post(nobody, call("find", "{}"), "Authorization", "Bearer x.y.z");
    assertThat(List.of(none.statusCode(), wrong.statusCode())).containsExactly(401, 401);
    assertThat(reached()).isEmpty();

    HttpResponse<String> good =
        post(nobody, call("find", "{}"), "Authorization", "Bearer a.jwt.svid");
    assertThat(good.statusCode()).isEqualTo(200);
    assertThat(upstream.reached().getFirst().headers().get("Authorization")).containsExactly(BASIC);
    assertThat(proxy.calls.getFirst()).startsWith("use /agent/jot by jwt");
  }

  @Test
  void whoseCertificateAnotherAuthorityGaveDoesNotGetThroughTls() {
    HttpClient stranger =
        HttpClient.newBuilder()
            .sslContext(
                new SpiffeTls(
                        new TestIdentity(
                            new TestAuthority("example.org").issue(CLERK), authority.certificate()),
                        TestTime.real())
                    .context(ENVOY::equals))
            .build();

    assertThatThrownBy(() -> post(stranger, call("find", "{}"))).isInstanceOf(IOException.class);
    assertThat(reached()).isEmpty();
  }

  @Test
  void whoIsNoAgentIsNobodyHowGoodTheCertificateMayBe() throws Exception {
    HttpClient other = client(authority.issue("spiffe://example.org/other"));

    assertThat(post(other, call("find", "{}")).statusCode()).isEqualTo(401);
    assertThat(reached()).isEmpty();
  }

  @Test
  void plainRequestsGoOnAsTheyAreMapped() throws Exception {
    assertThat(get("/api/orders/4711?full=1").statusCode()).isEqualTo(200);
    assertThat(reached()).containsExactly("GET /api/orders/4711?full=1");
    upstream.reached().clear();

    for (String path :
        List.of(
            "/api/users/1",
            "/api/orders/../users/1",
            "/api/orders/%2e%2e/users/1",
            "/api/orders/..%2fusers",
            "/api/orders/%5c..%5cusers",
            "/api/orders/%252e%252e/users",
            "/other",
            "/mcp/tracker/../../api/users/1")) {
      assertThat(get(path).statusCode()).as(path).isIn(400, 403, 404);
    }
    assertThat(reached()).isEmpty();
  }

  @Test
  void withoutAnAnswerNothingGoesOn() throws Exception {
    door.close();
    try {
      assertThat(post(clerk, call("find", "{}")).statusCode()).isEqualTo(503);
      assertThat(post(clerk, call("forbidden", "{}")).statusCode()).isEqualTo(503);
      assertThat(get("/api/orders/1").statusCode()).isEqualTo(503);
      assertThat(reached()).isEmpty();
    } finally {
      open();
    }
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> post(clerk, call("find", "{}")).statusCode() == 200);
  }

  @Test
  void whatFailsInsideLetsNothingThrough() throws Exception {
    proxy.failure = new IllegalStateException("a defect");

    HttpResponse<String> answer = post(clerk, call("find", "{}"));

    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.body()).doesNotContain("defect");
    assertThat(reached()).isEmpty();
  }
}
