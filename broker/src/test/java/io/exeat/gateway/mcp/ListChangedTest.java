package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.flow.CutOff;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.mcp.stdio.StdioUpstream;
import io.exeat.gateway.mcp.url.UrlUpstream;
import io.exeat.policy.Act;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Decision;
import io.exeat.policy.History;
import io.exeat.task.Catalogue;
import io.exeat.task.Step;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients hear when their lists become others, between what the server says by itself. */
@Timeout(60)
final class ListChangedTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String META =
      "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
          + "\"io.modelcontextprotocol/clientCapabilities\":{}}";
  private static final String TOOLS_CHANGED =
      """
      event: message
      data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}

      """;
  private static final String ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
  private static final String ECHO = "{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}";
  private static final String DROP = "{\"name\":\"drop\",\"inputSchema\":{\"type\":\"object\"}}";

  /** A started server that speaks with sessions, and says by itself what it is told to. */
  private static final String STARTED =
      """
      while IFS= read -r line; do
        id=$(printf %s "$line" | sed -n 's/.*"id":\\([0-9]*\\).*/\\1/p')
        result='{}'
        case $line in
          *'"initialize"'*) result='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}' ;;
          *'"tools/list"'*) result='{"tools":[{"name":"echo"},{"name":"drop"}]}' ;;
        esac
        printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$result"
      done
      """;

  private final AtomicLong nanos = new AtomicLong();
  private final Time time = new Time(() -> Instant.EPOCH, nanos::get);
  private final FakeProxies proxies = new FakeProxies();
  private final BlockingQueue<String> pushed = new LinkedBlockingQueue<>();
  private final List<FakeExchange> open = new ArrayList<>();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private RecordingServer server;
  private Upstream upstream;
  private Gateway gateway;
  private volatile UpstreamEntry entry;
  private volatile String inForce = "p";

  @BeforeEach
  void start() throws IOException {
    server = new RecordingServer();
    server
        .result("tools/list", "{\"tools\":[" + ECHO + "," + DROP + "]}")
        .result("prompts/list", "{\"prompts\":[{\"name\":\"ask\"}]}")
        .result("resources/list", "{\"resources\":[{\"uri\":\"doc://a\"}]}")
        .result("tools/call", "{\"content\":[]}")
        .result(
            "initialize",
            "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{},\"logging\":{}}}")
        .result(
            "server/discover",
            "{\"capabilities\":{\"tools\":{\"listChanged\":false},\"prompts\":{},"
                + "\"resources\":{\"subscribe\":true}}}");
    server.handlers.put("GET", (exchange, _) -> push(exchange, ": hello\n\n"));
    server.handlers.put(
        "subscriptions/listen",
        (exchange, message) -> push(exchange, acknowledgment(message.get("id"), "{}")));
    entry = entry(new UpstreamEntry.Server.Url(server.url(), none(), none(), Map.of()), none());
    upstream = new UrlUpstream(new NoTls(), loops, Runnable::run, time);
    gateway = gateway();
  }

  private static <T> Optional<T> none() {
    return Optional.empty();
  }

  private Gateway gateway() {
    return new Gateway(
        new InForce(
            () ->
                new Catalogue(
                    Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of("web", entry)),
            () -> inForce),
        proxies,
        upstream,
        time);
  }

  @AfterEach
  void stop() {
    pushed.add("");
    open.forEach(FakeExchange::leave);
    upstream.close();
    server.close();
    var _ = loops.shutdownGracefully(0, 2, TimeUnit.SECONDS);
  }

  private static String acknowledgment(JsonNode id, String honoured) {
    return ("data: {\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"_meta\":"
            + "{\"io.modelcontextprotocol/subscriptionId\":%s},\"notifications\":%s}}\n\n")
        .formatted(ACKNOWLEDGED, id, honoured);
  }

  /** Says this and what a test puts into the queue, piece by piece, up to an empty one. */
  private void push(HttpExchange exchange, String first) throws IOException {
    try (OutputStream out = RecordingServer.stream(exchange)) {
      for (String next = first; !next.isEmpty(); next = pushed.take()) {
        out.write(next.getBytes(UTF_8));
        out.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static UpstreamEntry entry(UpstreamEntry.Server server, Optional<String> pin) {
    return new UpstreamEntry(
        "web",
        "use",
        server,
        pin.isPresent(),
        Duration.ofSeconds(10),
        Map.of("echo", item("web.echo", pin), "drop", item("web.drop", none())),
        Map.of("docs", new UpstreamEntry.Resources("doc://*", item("web/resources/docs", none()))),
        Map.of("ask", item("web/prompts/ask", none())));
  }

  private static UpstreamEntry.Item item(String tool, Optional<String> pin) {
    return new UpstreamEntry.Item(tool, "use", pin);
  }

  private static String request(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" + method + "\",\"params\":" + params + "}";
  }

  private JsonNode legacy(String method, String... headers) throws Exception {
    FakeExchange exchange = FakeExchange.post(request(method, "{}"), headers);
    gateway.serve(exchange);
    exchange.awaitAnswer();
    assertThat(exchange.status()).as(exchange.said()).isEqualTo(200);
    return JSON.readTree(exchange.said());
  }

  private JsonNode modern(String method, String... more) throws Exception {
    FakeExchange exchange =
        FakeExchange.post(request(method, "{" + META + "}"), head(method, more));
    gateway.serve(exchange);
    exchange.awaitAnswer();
    return JSON.readTree(exchange.said());
  }

  private static String[] head(String method, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.addAll(List.of("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method));
    return all.toArray(String[]::new);
  }

  private String session() throws Exception {
    FakeExchange exchange = FakeExchange.post(request("initialize", "{}"));
    gateway.serve(exchange);
    exchange.awaitAnswer();
    assertThat(exchange.session()).isNotEmpty();
    return exchange.session();
  }

  private FakeExchange begin(FakeExchange exchange) {
    open.add(exchange);
    Thread.ofVirtual().start(() -> gateway.serve(exchange));
    return exchange;
  }

  private FakeExchange get(String session) throws Exception {
    FakeExchange exchange =
        begin(
            new FakeExchange(
                "GET",
                "/web/mcp",
                new byte[0],
                "Accept",
                "text/event-stream",
                "Mcp-Session-Id",
                session));
    await().until(() -> exchange.status() != 0);
    return exchange;
  }

  private FakeExchange listen(String id, String filter, String... more) throws Exception {
    String json =
        request("subscriptions/listen", "{\"notifications\":" + filter + "," + META + "}")
            .replace("\"id\":7", "\"id\":" + id);
    FakeExchange exchange = begin(FakeExchange.post(json, head("subscriptions/listen", more)));
    exchange.awaitSaid(ACKNOWLEDGED);
    return exchange;
  }

  private static String changed(String what, String id) {
    return "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s/list_changed\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s}}}\n\n"
        .formatted(what, id);
  }

  private static Function<Act, Decision> denying(String... tools) {
    return act ->
        List.of(tools).contains(act.tool().orElseThrow())
            ? new Decision.Deny("not that", List.of(), "p")
            : new Decision.Permit(List.of(), "p");
  }

  /** Looks, and returns when whoever is to be told by that look has been. */
  private void look(String policy) throws Exception {
    await().until(() -> !gateway.listeners.isLooking()); // or this look would be left out
    inForce = policy;
    gateway.look();
    await().until(() -> !gateway.listeners.isLooking());
  }

  private static int count(String said, String part) {
    return said.split(java.util.regex.Pattern.quote(part), -1).length - 1;
  }

  @Test
  void aToolThatPolicyHidesIsToldOfBetweenTheServersEvents() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    pushed.add("id: 41\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n");
    stream.awaitSaid("id: 41");
    pushed.add("id: 42\ndata: {\"jsonrpc\":\"2.0\",\n");
    proxies.policy = denying("web.drop");
    look("p2");
    stream.awaitSaid(TOOLS_CHANGED);
    pushed.add("data: \"method\":\"y\"}\n\n");
    stream.awaitSaid("id: 42");
    assertThat(stream.said())
        .isEqualTo(
            ": hello\n\n"
                + "id: 41\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n"
                + TOOLS_CHANGED
                + "id: 42\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"y\"}\n\n");
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).hasSize(1);
  }

  @Test
  void whoLooksAsksInNobodysNameAndWhoIsUnknownIsToldLater() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    look("p");
    assertThat(proxies.asked).isNotEmpty(); // the list, by the agent
    proxies.asked.clear();

    proxies.isUnknown = true;
    proxies.policy = denying("web.drop");
    look("p2");
    assertThat(stream.said()).doesNotContain("list_changed");
    proxies.isUnknown = false;
    nanos.addAndGet(Duration.ofSeconds(5).toNanos());
    look("p2");

    stream.awaitSaid(TOOLS_CHANGED);
    assertThat(proxies.asked).isEmpty();
  }

  @Test
  void aSubscriptionIsToldUnderItsIdOfWhatItAskedFor() throws Exception {
    modern("tools/list");
    modern("prompts/list");
    FakeExchange tools = listen("\"s-1\"", "{\"toolsListChanged\":true}");
    FakeExchange prompts = listen("8", "{\"promptsListChanged\":true,\"toolsListChanged\":false}");
    proxies.policy = denying("web.drop");
    look("p2");
    tools.awaitSaid(changed("tools", "\"s-1\""));
    proxies.policy = denying("web.drop", "web/prompts/ask");
    look("p3");
    prompts.awaitSaid(changed("prompts", "8"));
    assertThat(count(tools.said(), "list_changed")).isEqualTo(1);
    assertThat(count(prompts.said(), "list_changed")).isEqualTo(1);
    assertThat(tools.said().indexOf(ACKNOWLEDGED)).isLessThan(tools.said().indexOf("list_changed"));
  }

  @Test
  void theAcknowledgmentSaysWhatIsToldInTheServersPlace() throws Exception {
    String all =
        "{\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourcesListChanged\":true}";
    assertThat(honoured(listen("1", all)).toString()).isEqualTo(all);
    assertThat(honoured(listen("2", "{\"toolsListChanged\":true}")).toString())
        .isEqualTo("{\"toolsListChanged\":true}");
    server.result("server/discover", "{\"capabilities\":{\"tools\":{}}}");
    modern("server/discover");
    assertThat(honoured(listen("3", all)).toString()).isEqualTo("{\"toolsListChanged\":true}");
  }

  private static JsonNode honoured(FakeExchange stream) throws IOException {
    String data = stream.said().substring(stream.said().indexOf("data: {") + 6);
    return JSON.readTree(data).at("/params/notifications");
  }

  @Test
  void nothingIsToldBeforeTheAcknowledgment() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    server.handlers.put(
        "subscriptions/listen",
        (exchange, message) -> {
          try (OutputStream out = RecordingServer.stream(exchange)) {
            out.write(": early\n\n".getBytes(UTF_8));
            out.flush();
            go.await();
            String honoured = "{\"toolsListChanged\":true}";
            out.write(acknowledgment(message.get("id"), honoured).getBytes(UTF_8));
            out.flush();
            pushed.take();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    modern("tools/list");
    FakeExchange stream =
        begin(
            FakeExchange.post(
                request(
                        "subscriptions/listen",
                        "{\"notifications\":{\"toolsListChanged\":true}," + META + "}")
                    .replace("\"id\":7", "\"id\":1"),
                head("subscriptions/listen")));
    stream.awaitSaid(": early");
    proxies.policy = denying("web.drop");
    look("p2");
    assertThat(stream.said()).isEqualTo(": early\n\n");
    go.countDown();
    stream.awaitSaid(changed("tools", "1")); // what changed since it was shown
    assertThat(stream.said().indexOf(ACKNOWLEDGED))
        .isLessThan(stream.said().indexOf("list_changed"));
  }

  @Test
  void whatChangesNothingThatIsSeenIsNotTold() throws Exception {
    proxies.policy = denying("web.drop");
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    look("p1");
    proxies.policy =
        act ->
            act.tool().orElseThrow().equals("web.drop")
                ? new Decision.Deny("for another reason", List.of(), "p2")
                : new Decision.Ask(List.of("owner"), List.of(), "p2");
    look("p2");
    proxies.history =
        new History(
            3, 0, 0, 0, List.of(), List.of(), List.of(), Set.of(Step.PLAN), Set.of(), Set.of());
    look("p2");
    proxies.policy = denying("web/prompts/ask", "web.drop"); // prompts were never listed
    look("p3");
    proxies.policy = _ -> new Decision.Failed("it is late", "p"); // this cannot be told
    look("p4");
    assertThat(stream.said()).doesNotContain("list_changed");
    proxies.policy = denying();
    nanos.addAndGet(Duration.ofSeconds(5).toNanos());
    look("p4");
    stream.awaitSaid(TOOLS_CHANGED);
    assertThat(count(stream.said(), "list_changed")).isEqualTo(1);
    look("p4");
    assertThat(count(stream.said(), "list_changed")).isEqualTo(1);
  }

  @Test
  void anOutageOfPolicyThatAListWasShownInIsToldOfOnceItIsOver() throws Exception {
    String session = session();
    FakeExchange stream = get(session);
    Function<Act, Decision> fine = proxies.policy;
    proxies.policy =
        act ->
            act.tool().orElseThrow().endsWith("/offers")
                ? fine.apply(act)
                : new Decision.Failed("it is late", "p");
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).isEmpty();
    look("p");
    proxies.policy = fine;
    nanos.addAndGet(Duration.ofSeconds(5).toNanos());
    look("p");
    stream.awaitSaid(TOOLS_CHANGED);
  }

  @ParameterizedTest
  @CsvSource({"true, 5", "false, 30"})
  void whatATaskDidAndTheTimeThatPassesAreLookedAtTooNotAllTheTime(boolean here, int seconds)
      throws Exception {
    proxies.decidesHere = here;
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    look("p");
    proxies.policy = denying("web.drop"); // as if it went by history or time: no other policy
    proxies.history = after(1);
    nanos.addAndGet(Duration.ofSeconds(seconds).minusNanos(1).toNanos());
    look("p");
    look("p");
    assertThat(stream.said()).doesNotContain("list_changed");
    nanos.addAndGet(1);
    look("p");
    stream.awaitSaid(TOOLS_CHANGED);
    proxies.policy = denying();
    proxies.history = after(2);
    look("p2"); // other policies are looked at at once
    await().until(() -> count(stream.said(), "list_changed") == 2);
    proxies.policy = denying("web.drop");
    nanos.addAndGet(Duration.ofMinutes(1).toNanos());
    look("p2");
    await().until(() -> count(stream.said(), "list_changed") == 3);
  }

  private static History after(int calls) {
    return new History(
        calls, 0, 0, 0, List.of(), List.of(), List.of(), Set.of(), Set.of(), Set.of("x"));
  }

  @Test
  void anotherCatalogueIsLookedAt() throws Exception {
    String sha256 = CanonicalJson.sha256(JSON.readTree(ECHO));
    UpstreamEntry unapproved = entry(entry.server(), Optional.of("00"));
    UpstreamEntry approved = entry(entry.server(), Optional.of(sha256));
    entry = unapproved;
    String session = session();
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).isEmpty();
    FakeExchange stream = get(session);
    look("p");
    entry = approved;
    look("p");
    stream.awaitSaid(TOOLS_CHANGED);
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).hasSize(1);
    assertThat(count(stream.said(), "list_changed")).isEqualTo(1);
  }

  @Test
  void theServersOwnNoticePassesAndIsTakenToHeart() throws Exception {
    entry = entry(entry.server(), Optional.of(CanonicalJson.sha256(JSON.readTree(ECHO))));
    String session = session();
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).hasSize(1);
    FakeExchange stream = get(session);
    look("p");
    server.result("tools/list", "{\"tools\":[" + ECHO.replace("object", "array") + "]}");
    String theirs =
        "id: 9\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
    pushed.add(theirs);
    stream.awaitSaid(theirs);
    look("p"); // nobody has seen yet what there is now
    FakeExchange call =
        FakeExchange.post(request("tools/call", "{\"name\":\"echo\"}"), "Mcp-Session-Id", session);
    gateway.serve(call);
    call.awaitAnswer();
    assertThat(call.said()).contains("Unknown tool: echo");
    assertThat(stream.said()).isEqualTo(": hello\n\n" + theirs);
    look("p");
    stream.awaitSaid(TOOLS_CHANGED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "notifications\\/tools\\/list_changed",
        "notifications/tools/list\\u005fchanged",
        "notifications/tools/list_changed"
      })
  void theServersNoticeIsTakenToHeartHoweverItIsSpelt(String method) throws Exception {
    entry = entry(entry.server(), Optional.of(CanonicalJson.sha256(JSON.readTree(ECHO))));
    String session = session();
    assertThat(legacy("tools/list", "Mcp-Session-Id", session).at("/result/tools")).hasSize(1);
    FakeExchange stream = get(session);
    server.result("tools/list", "{\"tools\":[" + ECHO.replace("object", "array") + "]}");
    String about = "id: 8\ndata: {\"method\":\"x\",\"params\":{\"method\":\"" + method + "\"}}\n\n";
    pushed.add(about); // what a message is about is not what it says
    stream.awaitSaid("id: 8");
    assertThat(legacyCall(session)).contains("content");
    pushed.add("id: 9\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"" + method + "\"}\n\n");
    stream.awaitSaid("id: 9");
    assertThat(legacyCall(session)).contains("Unknown tool: echo");
  }

  private String legacyCall(String session) throws Exception {
    FakeExchange call =
        FakeExchange.post(request("tools/call", "{\"name\":\"echo\"}"), "Mcp-Session-Id", session);
    gateway.serve(call);
    call.awaitAnswer();
    return call.said();
  }

  @Test
  void anAcknowledgmentIsOneHoweverItIsSpelt() throws Exception {
    server.handlers.put(
        "subscriptions/listen",
        (exchange, message) ->
            push(exchange, acknowledgment(message.get("id"), "{}").replace("/ack", "\\/ack")));
    modern("tools/list");
    FakeExchange stream = listen("1", "{\"toolsListChanged\":true}");
    assertThat(honoured(stream).toString()).isEqualTo("{\"toolsListChanged\":true}");
    proxies.policy = denying("web.drop");
    look("p2");
    stream.awaitSaid(changed("tools", "1"));
  }

  @Test
  void whereNobodyListensItLooksOnceAMinuteAndForgetsWhatIsOver() throws Exception {
    TaskId other = TaskId.random();
    proxies.others.put(other, denying());
    modern("tools/list");
    modern("tools/list", "Exeat-Task", other.value());
    proxies.standings.clear();
    look("p1");
    look("p2");
    assertThat(proxies.standings).isEmpty();
    FakeExchange stream = listen("1", "{\"toolsListChanged\":true}");
    await().until(() -> !gateway.listeners.isLooking());
    look("p3");
    assertThat(proxies.standings).isNotEmpty().containsOnly(proxies.task);
    assertThat(gateway.listeners.places()).hasSize(2);
    stream.leave();
    stream.awaitAnswer();
    proxies.isOver = true;
    nanos.addAndGet(Duration.ofMinutes(1).toNanos());
    look("p3");
    assertThat(gateway.listeners.places()).isEmpty();
  }

  @Test
  void onlyWhoseListIsAnotherIsTold() throws Exception {
    TaskId other = TaskId.random();
    proxies.others.put(other, denying("web.drop"));
    modern("tools/list");
    modern("tools/list", "Exeat-Task", other.value());
    FakeExchange mine = listen("1", "{\"toolsListChanged\":true}");
    FakeExchange theirs = listen("2", "{\"toolsListChanged\":true}", "Exeat-Task", other.value());
    proxies.policy = denying("web.drop");
    look("p2");
    mine.awaitSaid(changed("tools", "1"));
    assertThat(theirs.said()).doesNotContain("list_changed");
    proxies.others.put(other, denying());
    look("p3");
    theirs.awaitSaid(changed("tools", "2"));
    assertThat(count(mine.said(), "list_changed")).isEqualTo(1);
  }

  @Test
  void ofOneSessionsStreamsOneIsToldAndOfSubscriptionsEach() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange first = get(session);
    first.awaitSaid("hello");
    FakeExchange last = get(session);
    last.awaitSaid("hello");
    modern("tools/list");
    FakeExchange one = listen("1", "{\"toolsListChanged\":true}");
    FakeExchange two = listen("2", "{\"toolsListChanged\":true}");
    proxies.policy = denying("web.drop");
    look("p2");
    last.awaitSaid(TOOLS_CHANGED);
    one.awaitSaid(changed("tools", "1"));
    two.awaitSaid(changed("tools", "2"));
    assertThat(first.said()).doesNotContain("list_changed");
  }

  @Test
  void whoListsByItselfDoesNotKeepOthersFromBeingTold() throws Exception {
    modern("tools/list");
    FakeExchange stream = listen("1", "{\"toolsListChanged\":true}");
    look("p1");
    proxies.policy = denying("web.drop");
    modern("tools/list");
    look("p2");
    stream.awaitSaid(changed("tools", "1"));
  }

  @Test
  void whatChangedWhileNobodyListenedIsToldAtOnce() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange before = get(session);
    before.awaitSaid("hello");
    before.leave();
    before.awaitAnswer();
    proxies.policy = denying("web.drop");
    FakeExchange stream = get(session);
    stream.awaitSaid(TOOLS_CHANGED);
    assertThat(before.said()).doesNotContain("list_changed");
  }

  @Test
  void whatTheServerHasIsSaidToBeToldOfInBothEras() throws Exception {
    assertThat(legacy("initialize").at("/result/capabilities").toString())
        .isEqualTo("{\"tools\":{\"listChanged\":true},\"logging\":{}}");
    assertThat(modern("server/discover").at("/result/capabilities").toString())
        .isEqualTo(
            "{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},"
                + "\"resources\":{\"subscribe\":true,\"listChanged\":true}}");
    server.result("initialize", "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}");
    assertThat(legacy("initialize").at("/result/capabilities").toString()).isEqualTo("{}");
  }

  @Test
  void whereTheServerHasNoStreamThereIsAQuietOneThatEndsWithItsSession() throws Exception {
    server.handlers.put("GET", (exchange, _) -> RecordingServer.json(exchange, 405, ""));
    server.handlers.put("DELETE", (exchange, _) -> RecordingServer.json(exchange, 200, ""));
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    assertThat(stream.status()).isEqualTo(200);
    assertThat(stream.answerHeaders()).containsEntry("content-type", "text/event-stream");
    proxies.policy = denying("web.drop");
    look("p2");
    stream.awaitSaid(TOOLS_CHANGED);
    gateway.serve(new FakeExchange("DELETE", "/web/mcp", new byte[0], "Mcp-Session-Id", session));
    look("p2");
    stream.awaitAnswer();
    assertThat(stream.said()).isEqualTo(TOOLS_CHANGED);
  }

  @Test
  void quietStreamsTakeHalfOfAPeersConnectionsAndGiveThemBack() throws Exception {
    server.handlers.put("GET", (exchange, _) -> RecordingServer.json(exchange, 405, ""));
    server.handlers.put(
        "subscriptions/listen",
        (exchange, _) ->
            RecordingServer.json(
                exchange,
                404,
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"no\"}}"));
    String session = session();
    List<FakeExchange> streams = new ArrayList<>();
    for (int i = 0; i < Limits.DEFAULT.connectionsPerPeer() / 2; i++) {
      streams.add(get(session));
    }
    assertThat(streams).extracting(FakeExchange::status).containsOnly(200);
    assertThat(get(session).status()).isEqualTo(405);
    assertThat(get(session).status()).isEqualTo(405);
    FakeExchange subscribing =
        begin(
            FakeExchange.post(
                request(
                    "subscriptions/listen",
                    "{\"notifications\":{\"toolsListChanged\":true}," + META + "}"),
                head("subscriptions/listen")));
    subscribing.awaitAnswer();
    assertThat(subscribing.said()).contains("-32601");
    streams.getFirst().leave();
    streams.getFirst().awaitAnswer();
    await().until(() -> get(session).status() == 200);
    assertThat(get(session).status()).isEqualTo(405);
  }

  @Test
  void noOtherStreamStandsForAnAnswerThatBrokeOff() throws Exception {
    server.handlers.put("GET", (exchange, _) -> RecordingServer.json(exchange, 405, ""));
    FakeExchange resuming =
        new FakeExchange(
            "GET", "/web/mcp", new byte[0], "Accept", "text/event-stream", "Last-Event-ID", "4");
    gateway.serve(resuming);
    resuming.awaitAnswer();
    assertThat(resuming.status()).isEqualTo(405);
  }

  @Test
  void aQuietStreamShowsThatItStandsUntilItIsClosed() throws Exception {
    CountDownLatch theirs = new CountDownLatch(1);
    Subscribed quiet =
        new Subscribed(
            new None(theirs),
            none(),
            Duration.ofMillis(1),
            new QuietStreams().of(FakeExchange.post("").peer()));
    assertThat(quiet.isStream()).isTrue();
    assertThat(theirs.getCount()).isZero();
    assertThat(quiet.next().orElseThrow().lines()).containsExactly(":");
    assertThat(quiet.next()).isPresent();
    quiet.close();
    assertThatThrownBy(quiet::next).isInstanceOf(IOException.class);
  }

  /** A server that has no stream. */
  private record None(CountDownLatch closed) implements Answer {
    @Override
    public int status() {
      return 405;
    }

    @Override
    public Optional<String> session() {
      return Optional.empty();
    }

    @Override
    public boolean isStream() {
      return false;
    }

    @Override
    public byte[] whole() {
      return new byte[0];
    }

    @Override
    public Optional<Event> next() {
      throw new AssertionError("it is no stream");
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  @Test
  void whatAStreamCouldNotTellAnotherOneTells() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange dead = get(session);
    dead.awaitSaid("hello");
    CountDownLatch tried = new CountDownLatch(1);
    dead.beforeSending(tried::countDown);
    dead.loses();
    proxies.policy = denying("web.drop");
    look("p2");
    tried.await();
    FakeExchange stream = get(session);
    await()
        .until(() -> {
          gateway.look();
          return stream.said().contains(TOOLS_CHANGED);
        });
    assertThat(dead.said()).doesNotContain("list_changed");
  }

  @Test
  void aServerThatCannotBeSubscribedToIsStoodInFor() throws Exception {
    server.handlers.put(
        "subscriptions/listen",
        (exchange, _) ->
            RecordingServer.json(
                exchange,
                404,
                "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32601,\"message\":\"no\"}}"));
    modern("tools/list");
    FakeExchange stream =
        listen("5", "{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"doc://a\"]}");
    assertThat(stream.said())
        .isEqualTo(
            "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":5},\"notifications\":{\"toolsListChanged\":true}}}\n\n"
                .formatted(ACKNOWLEDGED));
    proxies.policy = denying("web.drop");
    look("p2");
    stream.awaitSaid(changed("tools", "5"));
    FakeExchange nothing =
        FakeExchange.post(
            request("subscriptions/listen", "{\"notifications\":{}," + META + "}"),
            head("subscriptions/listen"));
    gateway.serve(nothing);
    nothing.awaitAnswer();
    assertThat(nothing.status()).isEqualTo(404);
    assertThat(nothing.said()).contains("-32601");
  }

  @Test
  void aStartedServersClientHearsToo(@TempDir Path folder) throws Exception {
    upstream.close();
    Path script = Files.writeString(folder.resolve("server.sh"), STARTED);
    var command =
        new UpstreamEntry.Server.Command(
            List.of(new Template("sh"), new Template(script.toString())),
            "unsafe-same-user",
            Map.of(),
            Map.of(),
            false);
    entry = entry(command, none());
    upstream = new StdioUpstream(new Time(Clock.systemUTC(), System::nanoTime));
    gateway = gateway();
    FakeExchange initialize = FakeExchange.post(request("initialize", "{}"));
    gateway.serve(initialize);
    assertThat(initialize.status()).as(initialize.said()).isEqualTo(200);
    assertThat(JSON.readTree(initialize.said()).at("/result/capabilities").toString())
        .isEqualTo("{\"tools\":{\"listChanged\":true}}");
    String session = initialize.session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    proxies.policy = denying("web.drop");
    look("p2");
    stream.awaitSaid(TOOLS_CHANGED);
    proxies.cutOff.cut(new Fault.TaskEnded(proxies.task, "COMPLETED"));
    stream.awaitAnswer();
    assertThat(stream.said()).isEqualTo(TOOLS_CHANGED);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aStreamEndsWithItsTaskAndSaysOfAnEpochThatItEnds(boolean narrowed) throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    modern("tools/list");
    FakeExchange stream = get(session);
    stream.awaitSaid("hello");
    FakeExchange subscribed = listen("1", "{\"toolsListChanged\":true}");
    CutOff ends = proxies.cutOff;
    if (narrowed) {
      proxies.epoch = 2;
      proxies.isOpen = false;
      proxies.cutOff = new CutOff();
      ends.cut(new Fault.EpochClosed(proxies.task, 1, 2));
    } else {
      proxies.isOver = true;
      ends.cut(new Fault.TaskEnded(proxies.task, "COMPLETED"));
    }
    stream.awaitAnswer();
    subscribed.awaitAnswer();
    assertThat(stream.said()).isEqualTo(": hello\n\n" + (narrowed ? TOOLS_CHANGED : ""));
    assertThat(count(subscribed.said(), changed("tools", "1"))).isEqualTo(narrowed ? 1 : 0);
    assertThat(subscribed.said()).contains("\"error\"").endsWith("}\n\n");
    assertThat(subscribed.said().lastIndexOf("list_changed"))
        .isLessThan(subscribed.said().indexOf("\"error\""));
    look("p");
    if (narrowed) { // the next epoch's subscription hears what the change made of the list
      proxies.policy = denying("web.drop");
      proxies.isOpen = true;
      listen("2", "{\"toolsListChanged\":true}").awaitSaid(changed("tools", "2"));
    }
    assertThat(gateway.listeners.places().size()).isEqualTo(narrowed ? 1 : 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatChangesWhileAListIsShownIsTold(boolean paged) throws Exception {
    String session = session();
    FakeExchange stream = get(session);
    list(session, paged);
    look("p");
    assertThat(stream.said()).doesNotContain("list_changed");
    stream.leave();
    stream.awaitAnswer();
    proxies.policy =
        act -> {
          if (act.tool().orElseThrow().equals("web.drop")) { // once it was decided for this list
            inForce = "p2";
            proxies.policy = denying("web.drop");
          }
          return new Decision.Permit(List.of(), "p");
        };
    list(session, paged);
    assertThat(inForce).isEqualTo("p2");
    FakeExchange next = get(session);
    look("p2");
    next.awaitSaid(TOOLS_CHANGED);
    look("p2");
    assertThat(count(next.said(), "list_changed")).isEqualTo(1);
  }

  private void list(String session, boolean paged) throws Exception {
    if (!paged) {
      legacy("tools/list", "Mcp-Session-Id", session);
      return;
    }
    server.result("tools/list", "{\"tools\":[" + DROP + "],\"nextCursor\":\"2\"}");
    legacy("tools/list", "Mcp-Session-Id", session);
    server.result("tools/list", "{\"tools\":[" + ECHO + "]}");
    FakeExchange second =
        FakeExchange.post(request("tools/list", "{\"cursor\":\"2\"}"), "Mcp-Session-Id", session);
    gateway.serve(second);
    second.awaitAnswer();
    assertThat(second.said()).contains("echo");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{\"capabilities\":{\"tools\":{}}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"id\":7,\"result\":{\"capabilities\":{\"tools\":{}}}}"
      })
  void aGreetingThatCannotBeReadPassesAsItCame(String sloppy) throws Exception {
    server.handlers.put("initialize", (exchange, _) -> RecordingServer.json(exchange, 200, sloppy));
    FakeExchange exchange = FakeExchange.post(request("initialize", "{}"));
    gateway.serve(exchange);
    exchange.awaitAnswer();
    assertThat(exchange.said()).isEqualTo(sloppy);
    assertThat(exchange.session()).isNotEmpty();
  }

  @Test
  void whoHasMostPlacesGivesUpItsOwnFirst() {
    Caller other = caller(TaskId.random());
    gateway.listeners.listed(other, ListKind.TOOLS, none());
    for (int i = 0; i < Listeners.MOST_PLACES; i++) {
      gateway.listeners.listed(caller(proxies.task), ListKind.TOOLS, none());
    }
    assertThat(gateway.listeners.places()).hasSize(Listeners.MOST_PLACES).contains(other.place());
  }

  /** In a session of its own. */
  private Caller caller(TaskId task) {
    FakeExchange exchange = FakeExchange.post("");
    Sessions.Session session = new Sessions().begin("web", new Epoch(task, 1), none());
    return new Caller(
        exchange, exchange.peer(), entry, task, Optional.of(session), Map.of(), false);
  }

  @Test
  void anErrorInOneLookOrInTellingOneClientEndsNothing() throws Exception {
    String session = session();
    legacy("tools/list", "Mcp-Session-Id", session);
    FakeExchange stream = get(session);
    stream.awaitSaid("hello");
    look("p");
    proxies.policy =
        _ -> {
          throw new StackOverflowError("in a look");
        };
    look("p2");
    AtomicBoolean fails = new AtomicBoolean(true);
    stream.beforeSending(() -> {
      if (fails.getAndSet(false)) {
        throw new StackOverflowError("in telling");
      }
    });
    proxies.policy = denying("web.drop");
    look("p3");
    await().untilFalse(fails);
    await()
        .until(() -> {
          gateway.look();
          return stream.said().contains(TOOLS_CHANGED);
        });
    assertThat(count(stream.said(), "list_changed")).isEqualTo(1);
  }

  @Test
  void aClientThatDoesNotReadHoldsNobodyElse() throws Exception {
    CountDownLatch reads = new CountDownLatch(1);
    String slow = session();
    legacy("tools/list", "Mcp-Session-Id", slow);
    FakeExchange stuck = get(slow);
    stuck.awaitSaid("hello");
    stuck.beforeSending(() -> {
      try {
        reads.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    String quick = session();
    legacy("tools/list", "Mcp-Session-Id", quick);
    FakeExchange stream = get(quick);
    for (int i = 1; i <= 5; i++) {
      int told = i;
      proxies.policy = i % 2 == 1 ? denying("web.drop") : denying();
      look("p" + i);
      await().until(() -> count(stream.said(), "list_changed") == told);
    }
    assertThat(stuck.said()).doesNotContain("list_changed");
    reads.countDown();
    await()
        .until(() -> count(stuck.said(), "list_changed") == 2); // one under way, one for the rest
    look("p5");
    assertThat(count(stuck.said(), "list_changed")).isEqualTo(2);
    assertThat(stuck.said()).contains(TOOLS_CHANGED + TOOLS_CHANGED);
  }
}
