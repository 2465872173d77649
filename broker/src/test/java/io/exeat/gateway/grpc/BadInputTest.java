package io.exeat.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.protobuf.Duration;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.WatchRequest;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever is in a field: a fault that names it and says what it may be, and nothing behind the
 * door knows.
 */
final class BadInputTest {

  private static final String TASK = "t0123456789abcdefghjk";
  private static final String CREDENTIAL = "c0123456789abcdefghjk";

  private static UnixFixture door = new UnixFixture();
  private static ManagedChannel agent = door.channel();
  private static ManagedChannel operator = door.channel();
  private static UnixDoor admin;

  @BeforeAll
  static void open() throws Exception {
    door.agents();
    Path socket = door.directory.resolve("run").resolve("admin.sock");
    int us = (int) java.nio.file.Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    admin =
        UnixDoor.forOperators(
            new AdminSocketConfig(socket, Set.of(us)), door.flow, door.parts(Limits.DEFAULT));
    operator = door.channel(socket);
  }

  @AfterAll
  static void close() throws Exception {
    admin.close();
    door.close();
  }

  @AfterEach
  void nothingWasAsked() {
    List<String> asked = List.copyOf(door.flow.calls);
    door.flow.calls.clear();
    assertThat(asked).isEmpty();
  }

  /** What no field with a shape takes. */
  private static Map<String, String> hostile() {
    Map<String, String> hostile = new LinkedHashMap<>();
    hostile.put("empty", "");
    hostile.put("parent", "..");
    hostile.put("path", "../../etc/passwd");
    hostile.put("slash", "a/b");
    hostile.put("star", "*");
    hostile.put("NUL", "orders\0read");
    hostile.put("newline", "orders\nread");
    hostile.put("space", "orders read");
    hostile.put("quote", "orders';drop");
    hostile.put("template", "{{identity.entity.id}}");
    hostile.put("percent", "%2e%2e");
    hostile.put("Cyrillic o", "\u043erders-read");
    hostile.put("fullwidth", "\uff4frders");
    hostile.put("zero width", "or\u200bders");
    hostile.put("right to left", "\u202eorders");
    hostile.put("long", "a".repeat(60_000));
    return hostile;
  }

  /** A key is compared and nothing else, so dots are as good as letters. */
  private static Map<String, String> hostileKeys() {
    Map<String, String> hostile = hostile();
    hostile.remove("parent");
    hostile.put("129 characters", "k".repeat(129));
    return hostile;
  }

  /** What free text does not take. */
  private static Map<String, String> hostileText(int most) {
    Map<String, String> hostile = new LinkedHashMap<>();
    hostile.put("NUL", "a\0b");
    hostile.put("escape", "\u001b[2J");
    hostile.put("right to left", "\u202eabc");
    hostile.put("too long", "a".repeat(most + 1));
    hostile.put("too long in UTF-8", "\u00e4".repeat(most / 2 + 1));
    return hostile;
  }

  private static void shaped(List<Arguments> all, String field, Consumer<String> call) {
    each(all, field, hostile(), call);
  }

  private static void each(
      List<Arguments> all, String field, Map<String, String> bad, Consumer<String> call) {
    bad.forEach(
        (name, value) -> all.add(arguments(field, name, (Runnable) () -> call.accept(value))));
  }

  private static void one(List<Arguments> all, String field, String name, Runnable call) {
    all.add(arguments(field, name, call));
  }

  static Stream<Arguments> bad() {
    List<Arguments> all = new ArrayList<>();
    open(all, "intent", hostile(), OpenRequest.Builder::setIntent);
    open(all, "parameters.key", hostile(), (request, value) -> request.putParameters(value, "v"));
    open(all, "parameters.order", hostileText(1024), (r, value) -> r.putParameters("order", value));
    open(all, "scope", hostile(), OpenRequest.Builder::addScope);
    open(all, "scope", Map.of("twice", "orders-read"), OpenRequest.Builder::addScope);
    open(all, "note", hostileText(4096), OpenRequest.Builder::setNote);
    open(all, "idempotency_key", hostileKeys(), OpenRequest.Builder::setIdempotencyKey);
    one(all, "parameters", "33", () -> send(many(UnixFixture.open("k"))));
    one(all, "scope", "65", () -> send(UnixFixture.open("k").clearScope().addAllScope(names(65))));
    one(all, "binding", "unknown", () -> send(UnixFixture.open("k").setBindingValue(9)));
    one(all, "lifetime", "none", () -> send(UnixFixture.open("k").clearLifetime()));
    lifetime(all, "zero", 0, 0);
    lifetime(all, "negative", -1, 0);
    lifetime(all, "negative nanos", 1, -1);
    lifetime(all, "nanos beyond", 1, 1_000_000_000);
    lifetime(all, "huge", Long.MAX_VALUE, 0);
    lifetime(all, "lowest", Long.MIN_VALUE, Integer.MIN_VALUE);
    lifetime(all, "367 days", 367L * 86_400, 0);
    lifetime(all, "a nano over 366 days", 366L * 86_400, 1);
    taskIds(all);
    credentials(all);
    operators(all);
    acts(all);
    return all.stream();
  }

  private static void open(
      List<Arguments> all,
      String field,
      Map<String, String> bad,
      BiFunction<OpenRequest.Builder, String, OpenRequest.Builder> set) {
    each(all, field, bad, value -> send(set.apply(UnixFixture.open("k"), value)));
  }

  private static void lifetime(List<Arguments> all, String name, long seconds, int nanos) {
    Duration lifetime = Duration.newBuilder().setSeconds(seconds).setNanos(nanos).build();
    one(all, "lifetime", name, () -> send(UnixFixture.open("k").setLifetime(lifetime)));
  }

  private static void send(OpenRequest.Builder request) {
    var _ = UnixFixture.tasks(agent).open(request.build());
  }

  private static OpenRequest.Builder many(OpenRequest.Builder request) {
    names(32).forEach(name -> request.putParameters(name, "v"));
    return request;
  }

  private static List<String> names(int count) {
    return IntStream.range(0, count).mapToObj(i -> "g" + i).toList();
  }

  private static void taskIds(List<Arguments> all) {
    var tasks = UnixFixture.tasks((Channel) agent).withDeadline(null);
    var credentials = UnixFixture.credentials((Channel) agent).withDeadline(null);
    Map<String, String> bad = hostile();
    bad.put("upper case", TASK.toUpperCase(java.util.Locale.ROOT));
    bad.put("a credential's", CREDENTIAL);
    bad.put("one more", TASK + "0");
    each(all, "task_id", bad, id -> tasks.get(GetRequest.newBuilder().setTaskId(id).build()));
    each(
        all,
        "task_id",
        bad,
        id -> tasks.watch(WatchRequest.newBuilder().setTaskId(id).build()).next());
    each(
        all,
        "task_id",
        bad,
        id -> tasks.complete(CompleteRequest.newBuilder().setTaskId(id).build()));
    each(all, "task_id", bad, id -> tasks.cancel(CancelRequest.newBuilder().setTaskId(id).build()));
    each(
        all,
        "task_id",
        bad,
        id -> tasks.changeScope(ChangeScopeRequest.newBuilder().setTaskId(id).setEpoch(1).build()));
    each(
        all,
        "task_id",
        bad,
        id -> credentials.issue(IssueRequest.newBuilder().setTaskId(id).build()));
    each(
        all,
        "task_id",
        bad,
        id -> credentials.release(ReleaseRequest.newBuilder().setTaskId(id).build()));
    each(
        all,
        "note",
        hostileText(4096),
        text -> tasks.cancel(CancelRequest.newBuilder().setTaskId(TASK).setNote(text).build()));
    shaped(
        all,
        "scope",
        name ->
            tasks.changeScope(
                ChangeScopeRequest.newBuilder()
                    .setTaskId(TASK)
                    .setEpoch(1)
                    .addScope(name)
                    .build()));
    for (long epoch : new long[] {0, -1, Long.MIN_VALUE}) {
      one(
          all,
          "epoch",
          Long.toUnsignedString(epoch),
          () ->
              tasks.changeScope(
                  ChangeScopeRequest.newBuilder().setTaskId(TASK).setEpoch(epoch).build()));
    }
  }

  private static void credentials(List<Arguments> all) {
    var credentials = UnixFixture.credentials((Channel) agent).withDeadline(null);
    IssueRequest issue =
        IssueRequest.newBuilder()
            .setTaskId(TASK)
            .setGrant("orders-read")
            .setIdempotencyKey("k")
            .build();
    shaped(all, "grant", name -> credentials.issue(issue.toBuilder().setGrant(name).build()));
    each(
        all,
        "idempotency_key",
        hostileKeys(),
        key -> credentials.issue(issue.toBuilder().setIdempotencyKey(key).build()));
    one(
        all,
        "epoch",
        "beyond 2^63-1",
        () -> credentials.issue(issue.toBuilder().setEpoch(-1).build()));
    shaped(
        all,
        "credential_id",
        id ->
            credentials.release(
                ReleaseRequest.newBuilder().setTaskId(TASK).setCredentialId(id).build()));
  }

  private static void acts(List<Arguments> all) {
    Map<String, String> ids = hostile();
    ids.put("a credential's", CREDENTIAL);
    each(all, "task_id", ids, id -> check(act().setTaskId(id)));
    Map<String, String> tools = hostile();
    tools.remove("empty"); // with a grant, that is no tool
    tools.remove("long");
    tools.put("129 characters", "a".repeat(129));
    tools.put("a dash first", "-rf");
    tools.put("a dot first", ".env");
    each(all, "tool", tools, tool -> check(act().setTool(tool)));
    one(all, "tool", "neither tool nor grant", () -> check(act().clearTool().clearGrant()));
    Map<String, String> grants = hostile();
    grants.remove("empty"); // every grant that has the tool
    grants.put("upper case", "Orders-read");
    each(all, "grant", grants, grant -> check(act().setGrant(grant)));
    Map<String, String> hosts = hostile();
    hosts.remove("empty"); // where the tool leads
    hosts.remove("long");
    hosts.put("a scheme", "https://example.org");
    hosts.put("a port", "example.org:443");
    hosts.put("a user", "u@example.org");
    hosts.put("254 characters", "a".repeat(254));
    hosts.put("a dot last", "example.org.");
    hosts.put("brackets", "[::1]");
    each(all, "destination", hosts, host -> check(act().setDestination(host)));
    Map<String, String> json = new LinkedHashMap<>();
    json.put("no JSON", "{");
    json.put("a text", "\"a\"");
    json.put("a list", "[1]");
    json.put("nothing but spaces", "  ");
    json.put("two objects", "{} {}");
    json.put("a key twice", "{\"a\":1,\"a\":2}");
    json.put("a key twice below", "{\"a\":{\"b\":1,\"b\":2}}");
    json.put("a key twice by an escape", "{\"a\":1,\"\\u0061\":2}");
    json.put("two values of one name", "{\"a\":{\"b\":1},\"a.b\":2}");
    json.put("NaN", "{\"a\":NaN}");
    json.put("a comment", "{\"a\":1/**/}");
    json.put("single quotes", "{'a':1}");
    json.put("half a surrogate pair", "{\"a\":\"\\ud800\"}");
    json.put("half a surrogate pair for a name", "{\"\\udc00\":{}}");
    json.put("17 deep", "{\"a\":".repeat(17) + "1" + "}".repeat(17));
    json.put("3,000 deep", "{\"a\":".repeat(3_000) + "1" + "}".repeat(3_000));
    json.put("257 values", "{\"a\":[" + "1,".repeat(256) + "1]}");
    json.put("names of 8,193 characters", "{\"" + "n".repeat(8_193) + "\":1}");
    json.put("61,441 bytes", "{\"a\":\"" + "v".repeat(61_433) + "\"}");
    json.put("61,442 bytes in UTF-8", "{\"a\":\"" + "\u00e4".repeat(30_717) + "\"}");
    each(all, "arguments_json", json, text -> check(act().setArgumentsJson(text)));
  }

  private static CheckRequest.Builder act() {
    return CheckRequest.newBuilder().setTaskId(TASK).setTool("search").setGrant("orders-read");
  }

  private static void check(CheckRequest.Builder request) {
    var _ = DecisionsGrpc.newBlockingStub(agent).check(request.build());
  }

  private static void operators(List<Arguments> all) {
    Map<String, String> ids = hostile();
    ids.put("another scheme", "https://example.org/a");
    ids.put("a trust domain", "spiffe://example.org");
    ids.put("upper case", "spiffe://Example.org/a");
    ids.put("dots", "spiffe://example.org/a/../b");
    ids.put("empty segment", "spiffe://example.org/a//b");
    ids.put("query", "spiffe://example.org/a?b");
    ids.put("port", "spiffe://example.org:80/a");
    ids.put("user", "spiffe://u@example.org/a");
    ids.put("percent", "spiffe://example.org/%61");
    ids.put("long", "spiffe://example.org/" + "a".repeat(2048));
    Map<String, String> named = new LinkedHashMap<>(ids);
    named.remove("empty"); // all agents, in List
    each(
        all,
        "agent",
        named,
        id ->
            AdminGrpc.newBlockingStub(operator)
                .list(ListRequest.newBuilder().setAgent(id).build()));
    each(all, "agent", ids, id -> revoke(RevokeRequest.newBuilder().setAgent(id)));
    Map<String, String> leases = hostile();
    leases.remove("slash"); // as Vault's lease identifiers have
    leases.remove("quote");
    leases.remove("template");
    leases.put("dots", "database/creds/../x");
    leases.put("two slashes", "database//x");
    each(all, "lease", leases, id -> revoke(RevokeRequest.newBuilder().setLease(id)));
    shaped(all, "task_id", id -> revoke(RevokeRequest.newBuilder().setTaskId(id)));
    one(all, "what", "nothing", () -> revoke(RevokeRequest.newBuilder()));
    one(all, "all", "false", () -> revoke(RevokeRequest.newBuilder().setAll(false)));
    each(
        all,
        "reason",
        hostileText(4096),
        text -> revoke(RevokeRequest.newBuilder().setAll(true).setReason(text)));
    shaped(all, "decision_id", id -> approve(ApproveRequest.newBuilder().setDecisionId(id)));
    ApproveRequest.Builder yes =
        ApproveRequest.newBuilder().setDecisionId("d00000000000000000001").setReason("seen");
    for (long seconds : new long[] {-1, 0, 3601, Long.MAX_VALUE, Long.MIN_VALUE}) {
      one(
          all,
          "valid_for",
          seconds + " s",
          () -> approve(yes.clone().setValidFor(Duration.newBuilder().setSeconds(seconds))));
    }
    each(all, "reason", hostileText(4096), text -> approve(yes.clone().setReason(text)));
    one(all, "reason", "none", () -> approve(yes.clone().clearReason()));
    for (int limit : new int[] {1001, -1}) {
      one(
          all,
          "limit",
          Integer.toUnsignedString(limit),
          () ->
              AdminGrpc.newBlockingStub(operator)
                  .list(ListRequest.newBuilder().setLimit(limit).build()));
    }
  }

  private static void approve(ApproveRequest.Builder request) {
    var _ = ApprovalsGrpc.newBlockingStub(operator).approve(request.build());
  }

  private static void revoke(RevokeRequest.Builder request) {
    var _ = AdminGrpc.newBlockingStub(operator).revoke(request.build());
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("bad")
  void isRefusedByTheFieldsName(String field, String name, Runnable call) {
    StatusRuntimeException refused = catchThrowableOfType(StatusRuntimeException.class, call::run);

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(UnixFixture.info(refused).getReason()).isEqualTo("MALFORMED");
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("field")).isEqualTo(field);
    assertThat(refused.getStatus().getDescription())
        .startsWith(field + ": ")
        .hasSizeGreaterThan(field.length() + 10)
        .hasSizeLessThan(300);
    assertThat(UnixFixture.requestId(refused)).startsWith("r");
  }
}
