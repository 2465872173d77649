package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.flow.Issued;
import io.exeat.gateway.mcp.url.UrlUpstream;
import io.exeat.policy.Act;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Decision;
import io.exeat.task.Catalogue;
import io.exeat.task.Target;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The gateway between a test's requests and a real server that writes everything down. */
final class GatewayTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SECRET = "s3cret-\"of-the-task/1";
  private static final String META =
      "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
          + "\"io.modelcontextprotocol/clientCapabilities\":{}}";
  private static final String ECHO =
      "{\"name\":\"echo\",\"description\":\"says it again\",\"inputSchema\":{\"type\":\"object\","
          + "\"properties\":{\"text\":{\"type\":\"string\"},\"region\":{\"type\":\"string\","
          + "\"x-mcp-header\":\"Region\"}}}}";

  private final AtomicLong nanos = new AtomicLong();
  private final FakeProxies proxies = new FakeProxies();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private RecordingServer server;
  private UrlUpstream upstream;
  private Gateway gateway;
  private volatile UpstreamEntry entry;

  @BeforeEach
  void start() throws IOException {
    server = new RecordingServer();
    server
        .result("tools/list", "{\"tools\":[" + ECHO + ",{\"name\":\"drop\"},{\"name\":\"other\"}]}")
        .result("tools/call", "{\"content\":[]}")
        .result("initialize", "{\"protocolVersion\":\"2025-11-25\"}")
        .result("resources/read", "{\"contents\":[]}")
        .result("ping", "{}");
    entry = entry(false, Optional.empty());
    upstream =
        new UrlUpstream(
            new NoTls(), loops, Runnable::run, new Time(() -> Instant.EPOCH, nanos::get));
    gateway =
        new Gateway(
            new InForce(
                () ->
                    new Catalogue(
                        Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of("web", entry)),
                () -> "p"),
            proxies,
            upstream,
            new Time(() -> Instant.EPOCH, nanos::get));
  }

  @AfterEach
  void stop() {
    upstream.close();
    server.close();
    var _ = loops.shutdownGracefully(0, 2, TimeUnit.SECONDS);
  }

  private UpstreamEntry entry(boolean pinned, Optional<String> pin) {
    return new UpstreamEntry(
        "web",
        "use",
        new UpstreamEntry.Server.Url(
            server.url(),
            Optional.empty(),
            Optional.empty(),
            Map.of("Authorization", new Template("Bearer fixed"))),
        pinned,
        Duration.ofSeconds(10),
        Map.of(
            "echo", new UpstreamEntry.Item("web.echo", "use", pin),
            "drop", new UpstreamEntry.Item("web.drop", "use", Optional.empty())),
        Map.of(
            "docs",
            new UpstreamEntry.Resources(
                "doc://*", new UpstreamEntry.Item("web/resources/docs", "use", Optional.empty()))),
        Map.of());
  }

  private static String request(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" + method + "\",\"params\":" + params + "}";
  }

  private static String call(String tool) {
    return request("tools/call", "{\"name\":\"" + tool + "\",\"arguments\":{\"text\":\"hi\"}}");
  }

  private FakeExchange serve(FakeExchange exchange) throws InterruptedException {
    gateway.serve(exchange);
    exchange.awaitAnswer();
    return exchange;
  }

  private static JsonNode json(FakeExchange exchange) throws IOException {
    return JSON.readTree(exchange.said());
  }

  private List<String> methods() {
    return server.bodies.stream().map(body -> body.startsWith("{") ? method(body) : body).toList();
  }

  private static String method(String body) {
    try {
      return JSON.readTree(body).path("method").asText();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void deny(String tool, boolean only) {
    proxies.policy =
        act ->
            act.tool().orElseThrow().equals(tool) && (!only || !act.arguments().texts().isEmpty())
                ? new Decision.Deny("not that", List.of(), "p")
                : new Decision.Permit(List.of(), "p");
  }

  @Test
  void aPermittedCallIsPassedOnAsItWasJudged() throws Exception {
    String odd =
        "{ \"jsonrpc\":\"2.0\", \"id\":\"x\" ,"
            + " \"method\":\"tools/call\",\"params\":{\"name\":\"\\u0065cho\","
            + "\"arguments\":{\"n\":12345678901234567890123,\"f\":1.0}}}";
    assertThat(serve(FakeExchange.post(odd)).status()).isEqualTo(200);
    assertThat(server.bodies)
        .containsExactly(
            "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
                + "\"arguments\":{\"n\":12345678901234567890123,\"f\":1.0}}}");
    assertThat(proxies.permits).containsExactly("web.echo {f=1, n=1.2345678901234567890123e+22}");
    assertThat(proxies.underWay).hasValue(0);
  }

  @Test
  void aDeniedCallOfAVisibleToolIsAResultThatTheModelCanActOn() throws Exception {
    deny("web.echo", true);
    JsonNode said = json(serve(FakeExchange.post(call("echo"))));
    assertThat(said.at("/result/isError").asBoolean()).isTrue();
    assertThat(said.at("/result/content/0/text").asText()).contains("denied: not that (decision d");
    assertThat(said.get("id").asInt()).isEqualTo(7);
    assertThat(server.bodies).isEmpty();
  }

  private static String again(String responses, String state) {
    return request(
        "tools/call",
        "{\"name\":\"echo\",\"arguments\":{\"text\":\"hi\"},\"inputResponses\":%s,\"requestState\":\"%s\",%s}"
            .formatted(responses, state, META));
  }

  private static final String[] MODERN_CALL = {
    "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "echo"
  };

  @Test
  void whatAPersonAnsweredIsPassedOnAndNothingButItsHashIsJudged() throws Exception {
    List<Act> asked = new ArrayList<>();
    proxies.policy =
        act -> {
          asked.add(act);
          return new Decision.Permit(List.of(), "p");
        };
    String one =
        "{\"login\":{\"action\":\"accept\",\"content\":{\"password\":\"canary-1\",\"n\":1.0}}}";
    String same =
        "{\"login\":{\"content\":{\"n\":1,\"password\":\"canary-1\"},\"action\":\"accept\"}}";
    String other = one.replace("canary-1", "canary-2");
    for (String responses : List.of(one, same, other)) {
      asked.clear();
      serve(FakeExchange.post(again(responses, "s1"), MODERN_CALL));
      assertThat(asked).anyMatch(it -> it.action() == io.exeat.policy.Action.CALL);
      assertThat(asked).noneMatch(it -> it.toString().contains("canary"));
    }
    assertThat(server.bodies.getLast()).contains("canary-2", "\"requestState\":\"s1\"");
    List<String> calls = proxies.permits.stream().filter(it -> it.startsWith("web.echo")).toList();
    assertThat(calls).hasSize(3); // each is decided on anew
    String sha256 =
        CanonicalJson.sha256(
            "{\"login\":{\"action\":\"accept\",\"content\":{\"n\":1,\"password\":\"canary-1\"}}}"
                .getBytes(UTF_8));
    assertThat(calls.getFirst()).isEqualTo("web.echo {mcp:inputResponses=" + sha256 + ", text=hi}");
    assertThat(calls.get(1)).isEqualTo(calls.getFirst());
    assertThat(calls.getLast()).isNotEqualTo(calls.getFirst());
  }

  @ParameterizedTest
  @ValueSource(strings = {"mcp:inputResponses", "mcp:context"})
  void noArgumentPassesForWhatStandsBesideTheArguments(String name) throws Exception {
    JsonNode said =
        json(
            serve(
                FakeExchange.post(
                    request(
                        "tools/call",
                        "{\"name\":\"echo\",\"arguments\":{\"" + name + "\":\"x\"}}"))));
    assertThat(said.at("/error/code").asInt()).isEqualTo(-32602);
    assertThat(said.at("/error/message").asText()).contains(name);
    assertThat(server.bodies).isEmpty();
    assertThat(proxies.permits).isEmpty();
  }

  @Test
  void aHiddenToolIsAsUnknownAsOneThatIsNotThere() throws Exception {
    deny("web.drop", false);
    for (String tool : List.of("drop", "other", "nothing")) {
      JsonNode said = json(serve(FakeExchange.post(call(tool))));
      assertThat(said.get("error").toString())
          .isEqualTo("{\"code\":-32602,\"message\":\"Unknown tool: " + tool + "\"}");
    }
    proxies.fault = Optional.of(new Fault.OutOfScope(proxies.task, "use"));
    assertThat(json(serve(FakeExchange.post(call("echo")))).at("/error/message").asText())
        .isEqualTo("Unknown tool: echo");
    assertThat(server.bodies).isEmpty();
  }

  @Test
  void whenPolicyCannotBeAskedItIsAnInternalError() throws Exception {
    proxies.policy = _ -> new Decision.Failed("it is late", "p");
    JsonNode said = json(serve(FakeExchange.post(call("echo"))));
    assertThat(said.at("/error/code").asInt()).isEqualTo(-32603);
    assertThat(server.bodies).isEmpty();
  }

  @Test
  void aListHasWhatMayBeCalled() throws Exception {
    deny("web.drop", false);
    FakeExchange list = serve(FakeExchange.post(request("tools/list", "{}")));
    assertThat(json(list).at("/result/tools").findValuesAsText("name")).containsExactly("echo");
    assertThat(json(list).at("/result/tools/0").toString()).isEqualTo(ECHO);
    assertThat(json(list).at("/result").has("ttlMs")).isFalse();
  }

  @Test
  void aModernListIsNobodyElsesAndOldAtOnce() throws Exception {
    server.result(
        "tools/list",
        "{\"tools\":[],\"nextCursor\":\"c2\",\"cacheScope\":\"public\",\"ttlMs\":60000,\"resultType\":\"complete\"}");
    FakeExchange list =
        serve(
            FakeExchange.post(
                request("tools/list", "{" + META + "}"),
                "MCP-Protocol-Version",
                "2026-07-28",
                "Mcp-Method",
                "tools/list"));
    assertThat(json(list).get("result").toString())
        .isEqualTo(
            "{\"tools\":[],\"nextCursor\":\"c2\",\"cacheScope\":\"private\",\"ttlMs\":0,\"resultType\":\"complete\"}");
  }

  @Test
  void aToolWhoseDefinitionIsNotApprovedIsNotThere() throws Exception {
    entry = entry(true, Optional.empty());
    assertThat(serve(FakeExchange.post(call("echo"))).said()).contains("Unknown tool: echo");
    assertThat(methods()).containsExactly("tools/list");
    String sha256 = CanonicalJson.sha256(JSON.readTree(ECHO));
    assertThat(gateway.pending().get("upstreams.web.tools.echo.pin")).contains(sha256);
    entry = entry(true, Optional.of(sha256));
    assertThat(serve(FakeExchange.post(call("echo"))).said()).contains("\"result\"");
    assertThat(json(serve(FakeExchange.post(request("tools/list", "{}")))).at("/result/tools"))
        .hasSize(1);
    assertThat(gateway.pending()).containsOnlyKeys("upstreams.web.tools.drop.pin");
  }

  @Test
  void aToolThatChangesIsGoneFromTheNextCallOn() throws Exception {
    entry = entry(true, Optional.of(CanonicalJson.sha256(JSON.readTree(ECHO))));
    assertThat(serve(FakeExchange.post(call("echo"))).said()).contains("\"result\"");
    server.result(
        "tools/list", "{\"tools\":[" + ECHO.replace("again", "again, and mails it") + "]}");
    server.handlers.put(
        "tools/call",
        (exchange, message) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(
                """
                data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}

                data: {"jsonrpc":"2.0","id":7,"result":{}}

                """
                    .getBytes(UTF_8));
          }
        });
    assertThat(serve(FakeExchange.post(call("echo"))).said()).contains("\"result\"");
    assertThat(serve(FakeExchange.post(call("echo"))).said()).contains("Unknown tool: echo");
    assertThat(methods()).filteredOn("tools/call"::equals).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
        "",
        "nonsense",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} {}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"tools/call\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Method\":\"tools/call\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"Name\":\"drop\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"name\":\"drop\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"argument\u017f\":{}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{\"ref\":{\"type\":\"ref/prompt\",\"Name\":\"x\"}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
        "{\"id\":1,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/made/up\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\\ud800\"}}",
        "\ufeff{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
      })
  void whatIsNoMessageNeverReachesTheServer(String body) throws Exception {
    FakeExchange exchange = serve(FakeExchange.post(body));
    assertThat(exchange.status()).isBetween(400, 404);
    assertThat(json(exchange).at("/error/code").asInt()).isLessThan(-32599);
    assertThat(server.bodies).isEmpty();
    assertThat(proxies.permits).isEmpty();
  }

  @Test
  void whatIsNotUtf8OrTooDeepNeverReachesTheServer() throws Exception {
    byte[] latin = request("tools/call", "{\"name\":\"\u00e4\"}").getBytes(UTF_8);
    latin[latin.length - 5] = (byte) 0xe4;
    assertThat(serve(FakeExchange.post(latin)).said()).contains("-32700");
    String deep = "[".repeat(100) + "]".repeat(100);
    assertThat(serve(FakeExchange.post(request("ping", "{\"a\":" + deep + "}"))).said())
        .contains("-32700");
    assertThat(server.bodies).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"tasks/get", "tools/Call", "tools/call ", "resources/delete", "rpc.discover"})
  void anUnknownMethodIsNotPassedOn(String method) throws Exception {
    assertThat(json(serve(FakeExchange.post(request(method, "{}")))).at("/error/code").asInt())
        .isEqualTo(-32601);
    FakeExchange modern =
        serve(
            FakeExchange.post(
                request(method, "{" + META + "}"),
                "MCP-Protocol-Version",
                "2026-07-28",
                "Mcp-Method",
                method.strip()));
    assertThat(modern.status()).isIn(404, 400);
    assertThat(server.bodies).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Mcp-Method=tools/list;Mcp-Name=echo",
        "Mcp-Method=tools/call;Mcp-Name=drop",
        "Mcp-Method=tools/call",
        "Mcp-Name=echo",
        "Mcp-Method=tools/call;Mcp-Name=echo;Mcp-Name=echo",
        "Mcp-Method=tools/call;Mcp-Name==?base64?ZHJvcA==?=",
        "Mcp-Method=tools/call;Mcp-Name==?base64?!!?=",
        "Mcp-Method=tools/call;Mcp-Name=echo;Mcp-Param-Region=eu",
      })
  void headersThatSayOtherThanTheBodyAreRefused(String headers) throws Exception {
    List<String> all = new ArrayList<>(List.of("MCP-Protocol-Version", "2026-07-28"));
    for (String each : headers.split(";", -1)) {
      all.addAll(List.of(each.split("=", 2)));
    }
    FakeExchange exchange =
        serve(
            FakeExchange.post(
                request("tools/call", "{\"name\":\"echo\"," + META + "}"),
                all.toArray(String[]::new)));
    assertThat(exchange.status()).isEqualTo(400);
    assertThat(json(exchange).at("/error/code").asInt()).isEqualTo(-32020);
    assertThat(methods()).doesNotContain("tools/call");
  }

  @Test
  void aModernCallWithEverythingRightIsPassedOnWithItsHeaders() throws Exception {
    FakeExchange exchange =
        serve(
            FakeExchange.post(
                request(
                    "tools/call",
                    "{\"name\":\"echo\",\"arguments\":{\"region\":\"eu\"}," + META + "}"),
                "MCP-Protocol-Version",
                "2026-07-28",
                "Mcp-Method",
                "tools/call",
                "Mcp-Name",
                "=?base64?ZWNobw==?=",
                "Mcp-Param-Region",
                "eu",
                "Cookie",
                "a=b",
                "Authorization",
                "Bearer of-the-agent",
                "X-Forwarded-For",
                "1.2.3.4"));
    assertThat(exchange.said()).contains("\"result\"");
    Map<String, List<String>> sent = server.headers.getLast();
    assertThat(sent.get("Mcp-param-region")).containsExactly("eu");
    assertThat(sent.get("Mcp-method")).containsExactly("tools/call");
    assertThat(sent.get("Authorization")).containsExactly("Bearer fixed");
    assertThat(sent).doesNotContainKeys("Cookie", "X-forwarded-for", "Exeat-task");
    assertThat(sent.get("Host")).containsExactly("127.0.0.1:" + server.url().getPort());
  }

  @Test
  void aRevisionThatIsNotOursIsSaidWithTheOneThatIs() throws Exception {
    FakeExchange exchange =
        serve(
            FakeExchange.post(
                request("ping", "{" + META.replace("2026-07-28", "2030-01-01") + "}"),
                "MCP-Protocol-Version",
                "2030-01-01",
                "Mcp-Method",
                "ping"));
    assertThat(exchange.status()).isEqualTo(400);
    assertThat(json(exchange).get("error").toString())
        .isEqualTo(
            "{\"code\":-32022,\"message\":\"Unsupported protocol version\",\"data\":"
                + "{\"supported\":[\"2026-07-28\"],\"requested\":\"2030-01-01\"}}");
  }

  @Test
  void aSessionIsOursAndStandsForTheServersOwn() throws Exception {
    server.handlers.put(
        "initialize",
        (exchange, message) -> {
          exchange.getResponseHeaders().set("Mcp-Session-Id", "theirs");
          RecordingServer.json(exchange, 200, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}");
        });
    String session = serve(FakeExchange.post(request("initialize", "{}"))).session();
    assertThat(session).isNotEqualTo("theirs");
    serve(FakeExchange.post(call("echo"), "Mcp-Session-Id", session));
    assertThat(server.headers.getLast().get("Mcp-session-id")).containsExactly("theirs");
    assertThat(serve(FakeExchange.post(call("echo"), "Mcp-Session-Id", "theirs")).status())
        .isEqualTo(404);
    server.handlers.put("DELETE", (exchange, _) -> exchange.sendResponseHeaders(204, -1));
    FakeExchange end =
        new FakeExchange("DELETE", "/web/mcp", new byte[0], "Mcp-Session-Id", session);
    assertThat(serve(end).status()).isEqualTo(204);
    assertThat(serve(FakeExchange.post(call("echo"), "Mcp-Session-Id", session)).status())
        .isEqualTo(404);
  }

  @Test
  void aServerWithoutSessionsWorksToo() throws Exception {
    String session = serve(FakeExchange.post(request("initialize", "{}"))).session();
    assertThat(serve(FakeExchange.post(call("echo"), "Mcp-Session-Id", session)).said())
        .contains("\"result\"");
    assertThat(server.headers.getLast()).doesNotContainKey("Mcp-session-id");
  }

  @Test
  void eventsComeAsTheyComeAndTheAgentsLeavingEndsThem() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    server.handlers.put(
        "GET",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(
                ": hello\nid: 41\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\r\n\r\n"
                    .getBytes(UTF_8));
            out.flush();
            go.await();
            for (int i = 0; i < 10_000; i++) {
              out.write((": still here " + i + "\n\n").getBytes(UTF_8));
              out.flush();
              Thread.sleep(1);
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          } finally {
            ended.countDown();
          }
        });
    FakeExchange listen =
        new FakeExchange(
            "GET", "/web/mcp", new byte[0], "Accept", "text/event-stream", "Last-Event-ID", "40");
    Thread thread = Thread.ofVirtual().start(() -> gateway.serve(listen));
    listen.awaitSaid(": hello\nid: 41\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n");
    assertThat(server.headers.getLast().get("Last-event-id")).containsExactly("40");
    assertThat(listen.answerHeaders()).containsEntry("x-accel-buffering", "no");
    listen.leave();
    go.countDown();
    assertThat(thread.join(Duration.ofSeconds(10))).isTrue();
    assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
    await().atMost(Duration.ofSeconds(10)).until(() -> server.broken.contains("GET"));
  }

  @Test
  void theEndOfTheTaskEndsAStreamAndACallUnderWay() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    server.handlers.put(
        "tools/call",
        (exchange, _) -> {
          begun.countDown();
          try {
            never.await(20, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          RecordingServer.json(exchange, 200, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"late\"}");
        });
    server.handlers.put(
        "GET",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(": hello\n\n".getBytes(UTF_8));
            out.flush();
            never.await(20, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    FakeExchange call = FakeExchange.post(call("echo"));
    FakeExchange listen =
        new FakeExchange("GET", "/web/mcp", new byte[0], "Accept", "text/event-stream");
    Thread.ofVirtual().start(() -> gateway.serve(call));
    Thread.ofVirtual().start(() -> gateway.serve(listen));
    assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
    listen.awaitSaid("hello");
    proxies.cutOff.cut(new Fault.TaskEnded(proxies.task, "COMPLETED"));
    listen.awaitAnswer();
    call.awaitAnswer();
    assertThat(call.said()).contains("COMPLETED").doesNotContain("late");
    never.countDown();
  }

  @Test
  void whatWasLentGoesToTheServerAndNeverToTheAgent() throws Exception {
    proxies.credential = Optional.of(issued());
    entry =
        new UpstreamEntry(
            "web",
            "use",
            new UpstreamEntry.Server.Url(
                server.url(),
                Optional.empty(),
                Optional.empty(),
                Map.of("Authorization", new Template("Basic {basic}"))),
            false,
            Duration.ofSeconds(10),
            entry.tools(),
            Map.of(),
            Map.of());
    String basic = Base64.getEncoder().encodeToString(("user:" + SECRET).getBytes(UTF_8));
    String escaped = JSON.writeValueAsString(SECRET);
    server.handlers.put(
        "tools/call",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(
                ("data:"
                        + " {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"message\":"
                        + escaped.replace("3", "\\u0033")
                        + "}}\n\n"
                        + "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"message\":\"bad header"
                        + " Basic "
                        + basic
                        + " at x?p="
                        + java.net.URLEncoder.encode(SECRET, UTF_8)
                        + "\"}}\n\n")
                    .getBytes(UTF_8));
          }
        });
    FakeExchange exchange = serve(FakeExchange.post(call("echo")));
    assertThat(server.headers.getLast().get("Authorization")).containsExactly("Basic " + basic);
    assertThat(exchange.said())
        .contains("[removed by exeat]", "bad header Basic")
        .doesNotContain("of-the-task", "s3cret", basic.substring(10, 30));
  }

  @Test
  void whatIsRefusedBeforeAnythingIsAskedIsToldToo() throws Exception {
    String good = call("echo");
    serve(FakeExchange.post("{"));
    serve(FakeExchange.post("[" + good + "]"));
    serve(FakeExchange.post(good, "Origin", "https://evil.example"));
    serve(FakeExchange.post(request("tools/fly", "{}")));
    serve(FakeExchange.post(call("shell")));
    serve(FakeExchange.post(request("tools/call", "{\"name\":\"echo\",\"arguments\":[]}")));
    assertThat(proxies.refused)
        .hasSize(6)
        .allMatch(Fault.Malformed.class::isInstance)
        .anyMatch(it -> it.toString().contains("origin"))
        .anyMatch(it -> it.toString().contains("Unknown tool: shell"));
    serve(FakeExchange.post(good));
    assertThat(proxies.refused).hasSize(6);
    assertThat(methods()).containsExactly("tools/call");
  }

  @Test
  void theHashOfAnAnswerIsKnownBeforeTheAgentHasTheAnswer() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    server.handlers.put(
        "tools/call",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            String note = "data: {\"jsonrpc\":\"2.0\",\"method\":\"x\",\"result\":{}}\n\n";
            String other = "data: {\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{\"b\":2}}\n\n";
            String answer =
                "data: {\"id\":7,\"result\":{\"b\":1, \"a\":[]},\"jsonrpc\":\"2.0\"}\n\n";
            out.write((note + other + answer).getBytes(UTF_8));
            out.flush();
            go.await();
            out.write(answer.replace("1", "3").getBytes(UTF_8)); // a client takes the first one
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    FakeExchange exchange = FakeExchange.post(call("echo"));
    Thread thread = Thread.ofVirtual().start(() -> gateway.serve(exchange));
    exchange.awaitSaid("\"b\":1");
    assertThat(proxies.answered)
        .containsExactly(CanonicalJson.sha256("{\"a\":[],\"b\":1}".getBytes(UTF_8)));
    go.countDown();
    thread.join();
    assertThat(proxies.answered).hasSize(1);
    proxies.answered.clear();
    serve(FakeExchange.post(request("tools/list", "{}")));
    assertThat(proxies.answered).isEmpty(); // nothing was done
  }

  @Test
  void anAnswerWithoutCanonicalFormIsKnownTooAndAnErrorIsAnAnswer() throws Exception {
    server.result("tools/call", "{\"half\":\"\\ud800\"}");
    serve(FakeExchange.post(call("echo")));
    server.handlers.put(
        "tools/call",
        (exchange, _) ->
            RecordingServer.json(
                exchange, 200, "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1}}"));
    serve(FakeExchange.post(call("echo")));
    assertThat(proxies.answered)
        .hasSize(2)
        .endsWith(CanonicalJson.sha256("{\"code\":1}".getBytes(UTF_8)));
  }

  @Test
  void whatWasLentIsNotSpeltOutOverSeveralEvents() throws Exception {
    proxies.credential = Optional.of(issued());
    StringBuilder events = new StringBuilder();
    for (int i = 0; i < SECRET.length(); i += 2) {
      String piece = SECRET.substring(i, Math.min(SECRET.length(), i + 2)).replace("\"", "\\\"");
      events.append(
          "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"message\":\"%s\"}}\n\n"
              .formatted(piece));
    }
    for (int i = 0; i < SECRET.length(); i += 5) {
      events.append(": ").append(SECRET, i, Math.min(SECRET.length(), i + 5)).append("\n\n");
    }
    String list =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"isError\":true,\"content\":[{\"text\":\"login"
            + " s3cret-\"},{\"text\":\"\\\"of-the-t\"},{\"text\":\"ask/1 failed\"}]}}";
    events.append("data: ").append(list).append("\n\n");
    server.handlers.put(
        "tools/call",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(events.toString().getBytes(UTF_8));
          }
        });
    String said = serve(FakeExchange.post(call("echo"))).said();
    assertThat(said)
        .contains("\"message\":\"s3\"", "login [removed by exeat]", " failed")
        .contains(": [removed by exeat]\n")
        .doesNotContain("cr\"", "et\"", "of-t", "he-t", "ask", "sk/1", "/1");
    server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 200, list));
    assertThat(serve(FakeExchange.post(call("echo"))).said())
        .contains("login [removed by exeat]", " failed")
        .doesNotContain("s3cret", "of-the-t", "ask/1");
  }

  private JsonNode errorOf(String error) throws Exception {
    String json = "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":" + error + "}";
    server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 200, json));
    JsonNode whole = json(serve(FakeExchange.post(call("echo")))).path("error");
    server.handlers.put(
        "tools/call",
        (exchange, _) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(("data: " + json + "\n\n").getBytes(UTF_8));
          }
        });
    String said = serve(FakeExchange.post(call("echo"))).said();
    assertThat(JSON.readTree(said.substring(said.indexOf('{'))).path("error")).isEqualTo(whole);
    return whole;
  }

  @Test
  void whatAServerSaysOfAnErrorIsShortAndCanBeSeen() throws Exception {
    String hidden = "\\u001b[2J\\u202e\\u200b\\u2066\\ufeff\\udb40\\udc41\\u2028\\ufe0f\\r\\u0000";
    JsonNode error =
        errorOf(
            ("{\"code\":-32042,\"message\":\"no%s such row:\\n\\tid \\ud83d\\ude00"
                    + " \\u00e9\",\"data\":"
                    + "{\"elicitations\":[{\"url\":\"https://a.example/%s\",\"n\":1.50}]}}")
                .formatted(hidden, hidden));
    assertThat(error.toString())
        .isEqualTo(
            "{\"code\":-32042,\"message\":\"no[2J such row:\\n\\tid \ud83d\ude00 \u00e9\",\"data\":"
                + "{\"elicitations\":[{\"url\":\"https://a.example/[2J\",\"n\":1.5}]}}");
    error =
        errorOf("{\"code\":1,\"message\":\"" + "\ud83d\ude00".repeat(1_500) + "\",\"data\":[1]}");
    assertThat(error.path("message").asText())
        .isEqualTo("\ud83d\ude00".repeat(1_000) + "… [Exeat: 1000 more characters were cut]");
    assertThat(error.path("data").toString()).isEqualTo("[1]");
    error =
        errorOf(
            "{\"code\":1,\"message\":\"m\",\"data\":\"" + "x".repeat(70_000) + "\",\"more\":{}}");
    assertThat(error.fieldNames()).toIterable().containsExactly("code", "message");
    assertThat(error.path("message").asText())
        .matches("m \\[Exeat: 700\\d\\d characters of data were left out]");
  }

  @Test
  void whatCannotBeSeenHidesNothingThatWasLent() throws Exception {
    proxies.credential = Optional.of(issued());
    String apart = "s3cret-\\\"of\\u200b-the-task/1";
    String edge = "y".repeat(ErrorWords.MOST - 10) + "s3cret-\\\"of-the-task/1";
    for (String words : List.of(apart, edge)) {
      assertThat(errorOf("{\"code\":1,\"message\":\"" + words + "\"}").path("message").asText())
          .contains("[removed")
          .doesNotContain("of-the", "s3cr");
    }
  }

  @Test
  void theWordsOfAnHttpErrorAreShortAndCanBeSeenToo() throws Exception {
    for (String said :
        List.of("No\u202e such path\u001b " + "x".repeat(5_000), "{\"detail\":\"\u200bNo\"}")) {
      server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 400, said));
      FakeExchange exchange = serve(FakeExchange.post(call("echo")));
      assertThat(exchange.status()).isEqualTo(400);
      assertThat(exchange.said())
          .doesNotContain("\u202e", "\u001b", "\u200b")
          .contains("No")
          .hasSizeLessThan(2_100);
    }
    String message =
        "{\"jsonrpc\":\"2.0\", \"id\":7,\"error\":{\"code\":-32020,\"message\":\"m\"}}";
    server.handlers.put(
        "tools/call", (exchange, _) -> RecordingServer.json(exchange, 400, message));
    assertThat(serve(FakeExchange.post(call("echo"))).said()).isEqualTo(message);
  }

  @Test
  void aCallThatWaitsForAYesSaysWhoseAndWhenToLookAgain() throws Exception {
    proxies.policy =
        act ->
            act.arguments().texts().isEmpty()
                ? new Decision.Permit(List.of(), "p")
                : new Decision.Ask(List.of("operator", "owner"), List.of(), "p");
    JsonNode result = json(serve(FakeExchange.post(call("echo")))).path("result");
    assertThat(result.path("isError").asBoolean()).isTrue();
    String decision = result.at("/_meta/io.exeat~1decision").asText();
    assertThat(decision).startsWith("d").hasSizeGreaterThan(10);
    assertThat(result.path("_meta").toString())
        .isEqualTo(
            "{\"io.exeat/decision\":\""
                + decision
                + "\",\"io.exeat/approvers\":[\"operator\",\"owner\"],\"io.exeat/retry-after\":15}");
    assertThat(result.at("/content/0/text").asText())
        .contains("operator and owner", "15 s", decision);
    deny("web.echo", true);
    JsonNode denied = json(serve(FakeExchange.post(call("echo")))).at("/result/_meta");
    assertThat(denied.fieldNames()).toIterable().containsExactly("io.exeat/decision");
  }

  @Test
  void whatIsNoJsonIsNoWayOut() throws Exception {
    // Our reader refuses a key that is there twice; another reader takes one of the two.
    proxies.credential = Optional.of(issued());
    String escaped = JSON.writeValueAsString(SECRET).replace("s3", "\\u0073\\u0033");
    for (String bad : List.of("{\"a\":" + escaped + ",\"a\":1}", "no JSON: " + SECRET)) {
      server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 200, bad));
      assertThat(serve(FakeExchange.post(call("echo"))).said()).doesNotContain("of-the-task");
    }
  }

  @Test
  void nothingElseOfAnAnswerIsTouched() throws Exception {
    proxies.credential = Optional.of(issued());
    String same =
        "{ \"id\": 7, \"jsonrpc\": \"2.0\", \"result\": {\"a\": 1.50, \"b\": \"\\u0041"
            + " of-the-task\"} }";
    server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 200, same));
    assertThat(serve(FakeExchange.post(call("echo"))).said()).isEqualTo(same);
  }

  private Issued issued() {
    Held held =
        new Held(
            CredentialId.random(),
            new Epoch(proxies.task, 1),
            "use",
            "db",
            new LeaseId("lease"),
            "user",
            Held.Kind.POSTGRES_ROLE,
            Held.State.ACTIVE,
            Instant.EPOCH,
            Instant.EPOCH,
            Optional.empty());
    return new Issued(
        held,
        new Target.Postgres("db", "test", "localhost", 5432, "orders", false),
        SecretBytes.adopt(SECRET.getBytes(UTF_8)));
  }

  @Test
  void resourcesAreJudgedAsToolsAre() throws Exception {
    assertThat(serve(FakeExchange.post(request("resources/read", "{\"uri\":\"doc://a\"}"))).said())
        .contains("\"result\"");
    assertThat(
            serve(FakeExchange.post(request("resources/read", "{\"uri\":\"file:///etc\"}"))).said())
        .contains("Unknown resource: file:///etc");
    assertThat(serve(FakeExchange.post(request("resources/subscribe", "{\"uri\":\"x\"}"))).said())
        .contains("-32602");
    FakeExchange modern =
        serve(
            FakeExchange.post(
                request("resources/subscribe", "{" + META + "}"),
                "MCP-Protocol-Version",
                "2026-07-28",
                "Mcp-Method",
                "resources/subscribe"));
    assertThat(modern.status()).isEqualTo(404);
    assertThat(modern.said()).contains("-32601");
    assertThat(methods()).containsExactly("resources/read");
    assertThat(proxies.permits)
        .containsExactly("web/resources/docs {method=resources/read, uri=doc://a}");
  }

  @Test
  void aPageFromElsewhereAnUnknownServerAndAnotherMethodAreRefused() throws Exception {
    assertThat(serve(FakeExchange.post(call("echo"), "Origin", "https://evil.example")).status())
        .isEqualTo(403);
    assertThat(serve(new FakeExchange("GET", "/none/mcp", new byte[0])).status()).isEqualTo(404);
    assertThat(serve(new FakeExchange("GET", "/web/mcp/x", new byte[0])).status()).isEqualTo(404);
    assertThat(serve(new FakeExchange("PUT", "/web/mcp", new byte[0])).status()).isEqualTo(405);
    assertThat(server.bodies).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"doc://a\"",
        "{\"a\":\"doc://a\"}",
        "[\"doc://a\",7]",
        "[\"doc://a\",\"file:///etc\"]",
        "null",
      })
  void aSubscriptionIsJudgedForEachResource(String uris) throws Exception {
    String[] headers = {"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen"};
    String params = "{\"notifications\":{\"resourceSubscriptions\":%s}," + META + "}";
    FakeExchange refused =
        serve(FakeExchange.post(request("subscriptions/listen", params.formatted(uris)), headers));
    assertThat(json(refused).at("/error/code").asInt()).isEqualTo(-32602);
    assertThat(server.bodies).isEmpty();
    server.result("subscriptions/listen", "{}");
    serve(
        FakeExchange.post(
            request("subscriptions/listen", params.formatted("[\"doc://a\",\"doc://b\"]")),
            headers));
    assertThat(methods()).containsExactly("subscriptions/listen");
    assertThat(proxies.permits).hasSize(2);
  }

  @Test
  void anArgumentThatLooksLikeTheToolsIsRefused() throws Exception {
    entry = entry(true, Optional.of(CanonicalJson.sha256(JSON.readTree(ECHO))));
    FakeExchange exchange =
        serve(
            FakeExchange.post(
                request("tools/call", "{\"name\":\"echo\",\"arguments\":{\"Text\":\"hi\"}}")));
    assertThat(exchange.said()).contains("-32602").contains("in case alone");
    assertThat(methods()).doesNotContain("tools/call");
  }

  @Test
  void inTheLegacyEraHeadersThatNobodyComparedAreNotPassedOn() throws Exception {
    serve(FakeExchange.post(call("echo"), "Mcp-Name", "drop", "Mcp-Param-Region", "eu"));
    assertThat(server.headers.getLast()).doesNotContainKeys("Mcp-name", "Mcp-param-region");
  }

  @Test
  void aSessionEndsWithItsEpoch() throws Exception {
    String session = serve(FakeExchange.post(request("initialize", "{}"))).session();
    proxies.epoch = 2;
    assertThat(serve(FakeExchange.post(call("echo"), "Mcp-Session-Id", session)).status())
        .isEqualTo(404);
    assertThat(methods()).containsExactly("initialize");
  }

  @Test
  void aScrubbedEventOfSeveralLinesStaysOneEvent() {
    Event event = new Event(List.of("id: 1", "data: {", "data: \"a\"}"));
    assertThat(event.with("{\nid: 7}").lines()).containsExactly("id: 1", "data: {", "data: id: 7}");
  }

  @Test
  void aServersLoginErrorIsNotTheAgentsToMend() throws Exception {
    server.handlers.put("tools/call", (exchange, _) -> RecordingServer.json(exchange, 401, "{}"));
    FakeExchange exchange = serve(FakeExchange.post(call("echo")));
    assertThat(exchange.status()).isEqualTo(200);
    assertThat(json(exchange).at("/error/code").asInt()).isEqualTo(-32603);
  }

  @Test
  void twoThousandMixedCallsHaveAnEffectEachWithOneAllowBeforeIt() throws Exception {
    proxies.policy =
        act ->
            seed(act) % 3 == 0
                ? new Decision.Deny("no", List.of(), "p")
                : new Decision.Permit(List.of(), "p");
    for (int i = 0; i < 2_000; i++) {
      serve(
          FakeExchange.post(
              request("tools/call", "{\"name\":\"echo\",\"arguments\":{\"i\":" + i + "}}")));
    }
    assertThat(server.bodies).hasSize(proxies.permits.size());
    for (int i = 0; i < server.bodies.size(); i++) {
      String called = JSON.readTree(server.bodies.get(i)).at("/params/arguments/i").asText();
      assertThat(proxies.permits.get(i)).isEqualTo("web.echo {i=" + called + "}");
    }
    assertThat(proxies.permits).hasSizeBetween(1_300, 1_400);
    assertThat(proxies.underWay).hasValue(0);
  }

  private static int seed(Act act) {
    String i = act.arguments().texts().get("i");
    return i == null ? 1 : Integer.parseInt(i);
  }
}
