package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.AttributeContext.HttpRequest;
import io.exeat.envoy.auth.CheckResponse;
import io.exeat.envoy.auth.HeaderMap;
import io.exeat.envoy.auth.HeaderValue;
import io.exeat.envoy.auth.HeaderValueOption.HeaderAppendAction;
import io.exeat.identity.IdPattern;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class GatekeeperTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String AGENT = "spiffe://example.org/agent/clerk";
  private static final String FIND = call("\"find\"", "{\"q\":\"late\"}");

  private final FakeProxy proxy = new FakeProxy();
  private final Gatekeeper gatekeeper =
      new Gatekeeper(
          new Callers(
              new IdPattern("spiffe://example.org/agent/*"), Optional.of(GatekeeperTest::token)),
          Upstreams::find,
          proxy);

  private static SpiffeId token(String token) {
    if (!token.equals("good")) {
      throw new FaultException(new Fault.Unattested("the JWT-SVID does not verify"));
    }
    return SpiffeId.parse("spiffe://example.org/agent/jot");
  }

  private static String call(String name, String arguments) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":%s,\"arguments\":%s}}"
        .formatted(name, arguments);
  }

  private static AttributeContext.Builder post(String body) {
    return post(body, http -> {});
  }

  private static AttributeContext.Builder post(String body, Consumer<HttpRequest.Builder> change) {
    byte[] bytes = body.getBytes(UTF_8);
    HttpRequest.Builder http =
        HttpRequest.newBuilder()
            .setMethod("POST")
            .setPath("/mcp/tracker")
            .putHeaders("content-type", "application/json")
            .putHeaders("authorization", "Bearer the-agents-own")
            .setSize(bytes.length)
            .setRawBody(ByteString.copyFrom(bytes));
    change.accept(http);
    return AttributeContext.newBuilder()
        .setSource(AttributeContext.Peer.newBuilder().setPrincipal(AGENT))
        .putContextExtensions("exeat-upstream", "tracker")
        .setRequest(AttributeContext.Request.newBuilder().setHttp(http));
  }

  private CheckResponse ask(AttributeContext.Builder context) {
    return gatekeeper.answer(context.build());
  }

  private CheckResponse denied(AttributeContext.Builder context) {
    CheckResponse answer = ask(context);
    assertThat(answer.getStatus().getCode()).isNotZero();
    assertThat(answer.hasOkResponse()).isFalse();
    assertThat(answer.toString()).doesNotContain(FakeProxy.SECRET);
    return answer;
  }

  private static JsonNode json(CheckResponse answer) {
    try {
      return JSON.readTree(answer.getDeniedResponse().getBody());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static int http(CheckResponse answer) {
    return answer.getDeniedResponse().getStatus().getCode();
  }

  @Test
  void aPermittedCallGoesOnWithWhatWasLentInPlaceOfTheAgentsOwn() {
    CheckResponse answer = ask(post(FIND));

    assertThat(answer.getStatus().getCode()).isZero();
    var injected = answer.getOkResponse().getHeadersList();
    assertThat(injected).hasSize(1);
    assertThat(injected.getFirst().getHeader().getKey()).isEqualTo("Authorization");
    assertThat(injected.getFirst().getHeader().getValue())
        .isEqualTo(
            "Basic "
                + java.util.Base64.getEncoder()
                    .encodeToString(("user:" + FakeProxy.SECRET).getBytes(UTF_8)));
    assertThat(injected.getFirst().getAppendAction())
        .isEqualTo(HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
    assertThat(answer.getOkResponse().getHeadersToRemoveList())
        .contains("exeat-task", "proxy-authorization")
        .doesNotContain("authorization");
    assertThat(answer.getOkResponse().getResponseHeadersToAddList())
        .extracting(it -> it.getHeader().getKey() + " " + it.getHeader().getValue())
        .containsExactly("exeat-decision d00000000000000000001");
    assertThat(proxy.calls)
        .containsExactly("use /agent/clerk by envoy: call tracker.find under g {q=late}");
    assertThat(proxy.underWay).hasValue(0);
  }

  @Test
  void aDeniedCallIsAResultThatTheModelCanRead() {
    CheckResponse answer = denied(post(call("\"forbidden\"", "{}")));

    assertThat(http(answer)).isEqualTo(200);
    assertThat(json(answer).path("id").intValue()).isEqualTo(7);
    assertThat(json(answer).at("/result/isError").booleanValue()).isTrue();
    assertThat(json(answer).at("/result/content/0/text").asText())
        .isEqualTo("denied: d00000000000000000001: never");
    assertThat(json(answer).at("/result/_meta").toString())
        .isEqualTo("{\"io.exeat/decision\":\"d00000000000000000001\"}");
  }

  @Test
  void theAnswerHasTheRequestsOwnId() {
    JsonNode answer = json(denied(post(call("\"risky\"", "{}").replace(":7,", ":\"seven\","))));

    assertThat(answer.path("id").textValue()).isEqualTo("seven");
    assertThat(answer.at("/result/content/0/text").asText()).contains("approval of owner");
  }

  @Test
  void aCallThatAsksSaysToProgramsWhoseYesItWaitsFor() {
    assertThat(json(denied(post(call("\"risky\"", "{}")))).at("/result/_meta").toString())
        .isEqualTo(
            "{\"io.exeat/decision\":\"d00000000000000000001\",\"io.exeat/approvers\":[\"owner\"],"
                + "\"io.exeat/retry-after\":15}");
  }

  @Test
  void whatCannotBeDecidedIsAnErrorAndNotAResult() {
    for (int i = 0; i < 2; i++) {
      CheckResponse answer = denied(post(call("\"undecided\"", "{}")));
      assertThat(http(answer)).isEqualTo(200);
      assertThat(json(answer).at("/error/code").intValue()).isEqualTo(-32603);
      proxy.failure =
          new FaultException(
              new Fault.Unavailable(Fault.Dependency.AUDIT, "the disk is full", Duration.ZERO));
    }
  }

  @Test
  void aToolThatIsNotMappedIsNotKnown() {
    for (String name : new String[] {"\"Find\"", "\"find \"", "\"\"", "7", "null", "[\"find\"]"}) {
      CheckResponse answer = denied(post(call(name, "{}")));
      assertThat(json(answer).at("/error/code").intValue()).isEqualTo(-32602);
      assertThat(json(answer).at("/error/message").asText()).startsWith("Unknown tool: ");
    }
    assertThat(proxy.calls).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "initialize, look",
    "ping, look",
    "tools/list, look",
    "server/discover, look",
    "resources/list, look"
  })
  void whatOnlyPreparesIsALook(String method, String how) {
    CheckResponse answer =
        ask(post("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" + method + "\"}"));

    assertThat(answer.hasOkResponse()).isTrue();
    assertThat(proxy.calls)
        .containsExactly(how + " /agent/clerk by envoy: read tracker/offers under g {}");
  }

  @Test
  void resourcesAndPromptsAreActsToo() {
    assertThat(ask(post(request("resources/read", "{\"uri\":\"docs://a\"}"))).hasOkResponse())
        .isTrue();
    assertThat(ask(post(request("prompts/get", "{\"name\":\"greet\"}"))).hasOkResponse()).isTrue();
    assertThat(denied(post(request("resources/read", "{\"uri\":\"other://a\"}"))))
        .satisfies(it -> assertThat(json(it).at("/error/code").intValue()).isEqualTo(-32602));

    assertThat(proxy.calls)
        .containsExactly(
            "use /agent/clerk by envoy: read tracker/resources/docs under g {uri=docs://a}",
            "use /agent/clerk by envoy: prompt tracker/prompts/greet under g {}");
  }

  private static String request(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}"
        .formatted(method, params);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tools/call2",
        "TOOLS/CALL",
        "tools/call ",
        "tasks/get",
        "tasks/cancel",
        "resources/subscribe",
        "subscriptions/listen",
        "completion/complete",
        "x"
      })
  void aMethodThatIsNotKnownDoesNotGoOn(String method) {
    CheckResponse answer = denied(post(request(method, "{\"name\":\"find\"}")));

    assertThat(http(answer)).isEqualTo(404);
    assertThat(json(answer).at("/error/code").intValue()).isEqualTo(-32601);
    assertThat(proxy.calls).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"tools/call\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"find\",\"name\":\"forbidden\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"find\",\"Name\":\"forbidden\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"Name\":\"find\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"find\",\"Arguments\":{}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"find\",\"arguments\":[]}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"find\",\"arguments\":null}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":[\"find\"]}"
      })
  void aBodyThatIsNoOneMessageDoesNotGoOn(String body) {
    assertThat(http(denied(post(body)))).isEqualTo(400);
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void aBodyThatIsNotWholeDoesNotGoOn() {
    assertThat(http(denied(post(FIND, it -> it.putHeaders("x-envoy-auth-partial-body", "true")))))
        .isEqualTo(413);
    assertThat(
            http(
                denied(post(FIND, it -> it.putHeaders("x-envoy-auth-partial-body", "false,true")))))
        .isEqualTo(413);
    assertThat(http(denied(post(FIND, it -> it.setSize(it.getSize() + 1))))).isEqualTo(413);
    assertThat(http(denied(post(FIND, it -> it.setBody("{}"))))).isEqualTo(413);
    assertThat(
            http(denied(post(FIND, it -> it.clearRawBody().setBody(FIND).setSize(FIND.length())))))
        .isEqualTo(413);
    assertThat(http(denied(post(FIND, it -> it.putHeaders("content-encoding", "gzip")))))
        .isEqualTo(400);
    assertThat(http(denied(post(FIND, it -> it.putHeaders("content-type", "text/plain")))))
        .isEqualTo(400);
    assertThat(http(denied(post(FIND, it -> it.putHeaders("upgrade", "websocket")))))
        .isEqualTo(400);
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void whatAMetadataFilterWouldNotSeeIsReadHere() {
    String long9k = "{\"a\":\"" + "x".repeat(9_000) + "\"}";
    String late =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"arguments\":"
            + long9k
            + ",\"name\":\"forbidden\"}}";

    assertThat(json(denied(post(late))).at("/result/isError").booleanValue()).isTrue();
  }

  @Test
  void headersThatSaySomethingElseThanTheBodyAreRefused() {
    for (String[] header :
        new String[][] {
          {"mcp-method", "tools/list"},
          {"mcp-name", "forbidden"},
          {"mcp-name", "=?base64?Zm9yYmlkZGVu?="},
          {"mcp-name", "=?base64?!!?="},
          {"mcp-protocol-version", "2026-07-28"}
        }) {
      CheckResponse answer = denied(post(FIND, it -> it.putHeaders(header[0], header[1])));
      assertThat(http(answer)).as(header[1]).isEqualTo(400);
      assertThat(json(answer).at("/error/code").intValue()).isEqualTo(-32020);
    }
    assertThat(
            ask(post(
                    FIND,
                    it ->
                        it.putHeaders("mcp-protocol-version", "2026-07-28")
                            .putHeaders("mcp-method", "tools/call")
                            .putHeaders("mcp-name", "=?base64?ZmluZA==?=")))
                .hasOkResponse())
        .isTrue();
  }

  @Test
  void nobodyIsNobody() {
    assertThat(http(denied(post(FIND).clearSource()))).isEqualTo(401);
    for (String principal :
        new String[] {
          "CN=clerk", "spiffe://example.org", "spiffe://example.org/other/x", "clerk"
        }) {
      AttributeContext.Builder context = post(FIND);
      context.getSourceBuilder().setPrincipal(principal);
      assertThat(http(denied(context))).as(principal).isEqualTo(401);
    }
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void aJwtSvidNamesWhoHasNoCertificate() {
    AttributeContext.Builder good =
        post(FIND, it -> it.putHeaders("authorization", "bearer good")).clearSource();
    assertThat(ask(good).hasOkResponse()).isTrue();
    assertThat(proxy.calls.getFirst()).startsWith("use /agent/jot by jwt:");

    AttributeContext.Builder two =
        post(FIND, it -> it.putHeaders("authorization", "Bearer good,Bearer good")).clearSource();
    assertThat(http(denied(two))).isEqualTo(401);
  }

  @Test
  void aTaskThatIsNotTheAgentsOwnIsRefused() {
    CheckResponse ok = ask(post(FIND, it -> it.putHeaders("exeat-task", FakeProxy.TASK.value())));
    assertThat(ok.hasOkResponse()).isTrue();

    CheckResponse other =
        denied(post(FIND, it -> it.putHeaders("exeat-task", "t00000000000000000002")));
    assertThat(json(other).at("/result/isError").booleanValue()).isTrue();
    CheckResponse twice =
        denied(post(FIND, it -> it.putHeaders("exeat-task", FakeProxy.TASK.value() + ",x")));
    assertThat(json(twice).at("/result/isError").booleanValue()).isTrue();
    assertThat(proxy.calls).hasSize(1);
  }

  @Test
  void rawHeadersAreReadAsTheOthers() {
    CheckResponse answer =
        denied(
            post(
                FIND,
                it -> {
                  it.clearHeaders();
                  it.setHeaderMap(
                      HeaderMap.newBuilder()
                          .addHeaders(header("content-type", "application/json"))
                          .addHeaders(header("exeat-task", FakeProxy.TASK.value()))
                          .addHeaders(header("Exeat-Task", "t00000000000000000002")));
                }));
    assertThat(json(answer).at("/result/isError").booleanValue()).isTrue();
  }

  private static HeaderValue header(String name, String value) {
    return HeaderValue.newBuilder()
        .setKey(name)
        .setRawValue(ByteString.copyFromUtf8(value))
        .build();
  }

  @Test
  void aRouteThatIsNotConfiguredLetsNothingThrough() {
    assertThat(http(denied(post(FIND).clearContextExtensions()))).isEqualTo(403);
    assertThat(http(denied(post(FIND).putContextExtensions("exeat-upstream", "other"))))
        .isEqualTo(403);
    assertThat(http(denied(post(FIND).putContextExtensions("exeat-upstream", "pinned"))))
        .isEqualTo(403);
    assertThat(
            json(denied(post(FIND).putContextExtensions("exeat-upstream", "local")))
                .at("/result/content/0/text")
                .asText())
        .contains("only the MCP gateway reaches it");
  }

  @Test
  void plainRequestsAreMappedByMethodAndPath() {
    CheckResponse answer = ask(get("/api/orders/4711?full=1"));

    assertThat(answer.hasOkResponse()).isTrue();
    assertThat(proxy.calls.getFirst())
        .startsWith("use /agent/clerk by envoy: request tracker/resources/orders under g ")
        .contains("method=GET", "path=/api/orders/4711", "query=?full=1");
    assertThat(answer.getOkResponse().getHeadersToRemoveList()).contains("x-http-method-override");
  }

  private static AttributeContext.Builder get(String path) {
    return post("", it -> it.setMethod("GET").setPath(path))
        .putContextExtensions("exeat-kind", "http");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../api/orders/1",
        "/./api/orders/1",
        "/..",
        "/api/orders/../users/1",
        "/api/orders/./1",
        "/api/orders//1",
        "/api/orders/%2e%2e/users",
        "/api/orders/%2E%2E%2Fusers",
        "/api/orders/a%2fb",
        "/api/orders/a%5cb",
        "/api/orders/a\\b",
        "/api/orders/a%00",
        "/api/orders/%252e",
        "/api/orders/%zz",
        "/api/orders/%2",
        "/api/orders/%",
        "/api/orders/%0a",
        "/api/orders/\u00e4",
        "/api/orders/..",
        "/api/orders/;a=b",
        "/api/orders/a b",
        "//api/orders/1",
        "http://other/api/orders/1",
        "*",
        ""
      })
  void aPathThatCouldBeAnotherDoesNotGoOn(String path) {
    assertThat(http(denied(get(path)))).isEqualTo(400);
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void aPathMayBeLongAndEncoded() {
    assertThat(ask(get("/api/orders/" + "a%20b-".repeat(1_000))).hasOkResponse()).isTrue();
    assertThat(http(denied(get("/api/orders/" + "a".repeat(9_000))))).isEqualTo(400);
  }

  @Test
  void aPathThatIsNotMappedDoesNotGoOn() {
    assertThat(http(denied(get("/api/users/1")))).isEqualTo(403);
    assertThat(http(denied(get("/api/orders")))).isEqualTo(403);
    assertThat(proxy.calls).isEmpty();
  }

  @Test
  void aDeniedPlainRequestIsForbidden() {
    AttributeContext.Builder context =
        post("", it -> it.setMethod("DELETE").setPath("/api/orders/1"))
            .putContextExtensions("exeat-kind", "http");

    assertThat(http(denied(context))).isEqualTo(403);
    assertThat(proxy.calls).hasSize(1);
  }

  @Test
  void warmingUpAnswersAsOftenAsItSays() {
    assertThat(WarmUp.run(new IdPattern("spiffe://example.org/agent/*")).answers()).isEqualTo(200);
  }
}
