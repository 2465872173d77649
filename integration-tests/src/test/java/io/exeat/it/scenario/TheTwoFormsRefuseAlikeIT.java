package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Binding;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WatchRequest;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * One contract, two forms: every method with every bad input gives the same status, reason and
 * fields from a broker in the sidecar and from one behind a relay, and leaves nothing half done.
 */
final class TheTwoFormsRefuseAlikeIT {
  private static final String UNKNOWN_TASK = "t" + "0".repeat(20);
  private static final String UNKNOWN_CREDENTIAL = "c" + "0".repeat(20);
  private static final int MEGABYTE = 1 << 20;

  private static final Map<String, String> HOSTILE = hostile();

  private static Map<String, String> hostile() {
    Map<String, String> hostile = new LinkedHashMap<>();
    hostile.put("empty", "");
    hostile.put("parent", "..");
    hostile.put("path", "../../sys/mounts");
    hostile.put("slash", "a/b");
    hostile.put("star", "*");
    hostile.put("NUL", "orders\u0000read");
    hostile.put("newline", "orders\nread");
    hostile.put("escape", "\u001b[2J");
    hostile.put("Cyrillic", "\u043erders-read");
    hostile.put("another hyphen", "orders\u2010read");
    hostile.put("zero width", "orders-read\u200b");
    hostile.put("right to left", "\u202eorders");
    hostile.put("template", "{{identity.entity.id}}");
    hostile.put("5,000 characters", "a".repeat(5_000));
    hostile.put("60,000 characters", "a".repeat(60_000));
    hostile.put("1 MB", "a".repeat(MEGABYTE));
    return hostile;
  }

  private static final List<String> IDS =
      List.of(
          "spiffe://",
          "spiffe://example.org",
          "spiffe://EXAMPLE.org/host/h1/agent/clerk",
          "spiffe://example.org/host/../agent/clerk",
          "spiffe://example.org//agent",
          "spiffe://example.org/agent/",
          "https://example.org/agent",
          "spiffe://example.org:8080/agent",
          "spiffe://example.org/agent?x=1",
          "spiffe://example.org/ag\u00e9nt",
          "spiffe://example.org/" + "a".repeat(3_000));

  /** One form, with tasks of each kind in it. */
  private static final class Place implements AutoCloseable {
    final Deployment deployment;
    final Client client;
    final Client operator;
    final AgentProcess other;
    final AgentProcess twin;
    final OpenRequest asked = Client.asking(Stage.READ, Stage.WRITE).build();
    final Task open;
    final Task second;
    final Task ended;
    final Credential credential;
    final Credential ofSecond;
    final String foreign;
    final String twins;

    Place(Deployment.Form form) {
      Stage stage = Stage.get();
      this.deployment = Deployment.shared(form);
      this.client = deployment.client();
      this.operator = deployment.operator();
      this.other = agent(stage, Stage.OTHER);
      this.twin = agent(stage, Stage.AGENT);
      this.foreign = other.may("open " + Stage.READ).getFirst();
      this.twins = twin.may("open " + Stage.READ).getFirst();
      this.open = client.tasks().open(asked);
      this.second = client.open(Stage.READ);
      this.ended = client.open(Stage.READ);
      this.credential = client.credentials().issue(issue(open.getId(), Stage.READ, "used"));
      this.ofSecond = client.issue(second, Stage.READ);
      var _ =
          client.tasks().complete(CompleteRequest.newBuilder().setTaskId(ended.getId()).build());
    }

    private AgentProcess agent(Stage stage, io.spiffe.spiffeid.SpiffeId id) {
      AgentProcess agent = AgentProcess.start(deployment.socket(), Optional.empty());
      stage.authority().add(io.exeat.identity.development.Entry.ofPid(id, agent.pid()));
      return agent;
    }

    /** The tasks that a call can name, by what they are. */
    Map<String, String> tasks() {
      Map<String, String> tasks = new LinkedHashMap<>();
      tasks.put("open", open.getId());
      tasks.put("unknown", UNKNOWN_TASK);
      tasks.put("foreign", foreign);
      tasks.put("twin's", twins);
      tasks.put("ended", ended.getId());
      return tasks;
    }

    String task(String kind) {
      return Objects.requireNonNull(tasks().get(kind));
    }

    /** The same text in both forms. */
    String nameless(String text) {
      String nameless = text;
      for (Map.Entry<String, String> task : tasks().entrySet()) {
        nameless = nameless.replace(task.getValue(), "<" + task.getKey() + ">");
      }
      return nameless
          .replace(second.getId(), "<second>")
          .replace(credential.getId(), "<credential>")
          .replace(ofSecond.getId(), "<of second>")
          .replace(asked.getIdempotencyKey(), "<key>");
    }

    @Override
    public void close() {
      other.close();
      twin.close();
      var _ = operator.admin().revoke(RevokeRequest.newBuilder().setAll(true).build());
      client.close();
      operator.close();
    }
  }

  private static IssueRequest issue(String task, String grant, String key) {
    return IssueRequest.newBuilder().setTaskId(task).setGrant(grant).setIdempotencyKey(key).build();
  }

  /** What can be counted of what exists. */
  private record Left(
      long journal, int tokens, List<String> leases, List<String> roles, List<Task> tasks) {
    static Left of(Place place) {
      Stage stage = Stage.get();
      try (Outside outside = new Outside(stage)) {
        List<String> leases = new ArrayList<>(outside.leases(Stage.READ));
        leases.addAll(outside.leases(Stage.WRITE));
        return new Left(
            place.deployment.broker().journalled(),
            outside.tokens(),
            leases.stream().sorted().toList(),
            outside.roles(),
            place
                .operator
                .admin()
                .list(ListRequest.newBuilder().setIncludeEnded(true).setLimit(1000).build())
                .getTasksList()
                .stream()
                .map(Left::lasting)
                .sorted(Comparator.comparing(Task::getId))
                .toList());
      }
    }

    /** Renewals move what is lent, which is no doing of the callers'. */
    private static Task lasting(Task task) {
      Task.Builder lasting = task.toBuilder();
      lasting.getCredentialsBuilderList().forEach(one -> one.clearExpiresAt());
      return lasting.build();
    }
  }

  private static final class Table {
    final Map<String, Consumer<Place>> calls = new LinkedHashMap<>();

    void add(String name, Consumer<Place> call) {
      assertThat(calls.put(name, call)).as(name).isNull();
    }

    /** A request with one field that is bad, of a method that takes no task. */
    void open(String name, Consumer<OpenRequest.Builder> change) {
      add(
          "Open, " + name,
          place -> {
            OpenRequest.Builder ask = Client.asking(Stage.READ);
            change.accept(ask);
            var _ = place.client.tasks().open(ask.build());
          });
    }

    /** A method with each kind of task, and then with each hostile one. */
    void tasks(String method, BiFunction<Place, String, Object> call, boolean aliveToo) {
      for (String kind : List.of("open", "unknown", "foreign", "twin's", "ended")) {
        if (aliveToo || !kind.equals("open")) {
          add(
              method + ", task " + kind,
              place -> {
                var _ = call.apply(place, place.task(kind));
              });
        }
      }
      HOSTILE.forEach((name, value) ->
          add(
              method + ", task " + name,
              place -> {
                var _ = call.apply(place, value);
              }));
      add(
          method + ", task with a capital",
          place -> {
            var _ = call.apply(place, "T" + "0".repeat(20));
          });
      add(
          method + ", task of another kind",
          place -> {
            var _ = call.apply(place, UNKNOWN_CREDENTIAL);
          });
    }

    /** A field, bad, beside each kind of task: which of the two is told. */
    void field(String method, String field, Map<String, String> bad, Field call) {
      bad.forEach((name, value) -> {
        for (String kind : List.of("open", "unknown", "foreign", "ended")) {
          add(
              method + ", " + field + " " + name + ", task " + kind,
              place -> call.send(place, place.task(kind), value));
        }
        add(
            method + ", " + field + " " + name + ", task malformed",
            place -> call.send(place, "..", value));
      });
    }
  }

  private interface Field {
    void send(Place place, String task, String value);
  }

  private static Map<String, String> text(int most) {
    Map<String, String> bad = new LinkedHashMap<>();
    bad.put("NUL", "a\u0000b");
    bad.put("escape", "\u001b[2J");
    bad.put("right to left", "\u202eabc");
    bad.put("too long", "a".repeat(most + 1));
    bad.put("too long in UTF-8", "\u00e4".repeat(most / 2 + 1));
    bad.put("1 MB", "a".repeat(MEGABYTE));
    return bad;
  }

  private static Table table() {
    Table table = new Table();
    opening(table);
    changing(table);
    ending(table);
    reading(table);
    lending(table);
    bytes(table);
    operators(table);
    return table;
  }

  private static void opening(Table table) {
    HOSTILE.forEach((name, value) -> {
      table.open("intent " + name, ask -> ask.setIntent(value));
      table.open("parameter " + name, ask -> ask.putParameters(value, "1"));
      table.open("parameter's value " + name, ask -> ask.putParameters("ticket", value));
      table.open("scope " + name, ask -> ask.addScope(value));
      // Dots are as good as letters in a key.
      table.open("key " + name, ask -> ask.setIdempotencyKey(value + "/"));
    });
    text(4096).forEach((name, value) -> table.open("note " + name, ask -> ask.setNote(value)));
    table.open("no parameters", OpenRequest.Builder::clearParameters);
    table.open("no key", OpenRequest.Builder::clearIdempotencyKey);
    table.open("no lifetime", OpenRequest.Builder::clearLifetime);
    for (long seconds :
        new long[] {0, -1, 3600, 366L * 86_400 + 1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      table.open(
          "lifetime " + seconds, ask -> ask.setLifetime(Duration.newBuilder().setSeconds(seconds)));
    }
    for (int nanos : new int[] {-1, 1_000_000_000, Integer.MIN_VALUE}) {
      table.open(
          "nanos " + nanos,
          ask -> ask.setLifetime(Duration.newBuilder().setSeconds(1).setNanos(nanos)));
    }
    table.open("scope twice", ask -> ask.addScope(Stage.READ));
    table.open("scope unknown", ask -> ask.addScope("no-such-grant"));
    table.open("scope beyond", ask -> ask.addScope("payroll-read"));
    table.open("intent unknown", ask -> ask.setIntent("rob-the-bank"));
    table.open("binding unknown", ask -> ask.setBindingValue(9));
    table.open("parameter undeclared", ask -> ask.putParameters("colour", "red"));
    table.open(
        "33 parameters",
        ask -> {
          for (int i = 0; i < 33; i++) {
            ask.putParameters("p" + i, "1");
          }
        });
    table.open(
        "65 grants",
        ask -> {
          for (int i = 0; i < 65; i++) {
            ask.addScope("g" + i);
          }
        });
    table.add(
        "Open, key of another content",
        place -> place.client.tasks().open(place.asked.toBuilder().clearScope().build()));
    table.add(
        "Open, key of another content and binding",
        place ->
            place
                .client
                .tasks()
                .open(
                    place.asked.toBuilder()
                        .setBinding(Binding.BINDING_PROCESS)
                        .setNote("x")
                        .build()));
  }

  private static ChangeScopeRequest change(String task, long epoch, String... scope) {
    return ChangeScopeRequest.newBuilder()
        .setTaskId(task)
        .setEpoch(epoch)
        .addAllScope(List.of(scope))
        .build();
  }

  private static void changing(Table table) {
    table.tasks(
        "ChangeScope",
        (place, task) -> place.client.tasks().changeScope(change(task, 1, Stage.READ)),
        false);
    Map<String, String> scopes = new LinkedHashMap<>(HOSTILE);
    scopes.put("wider", "payroll-read");
    scopes.put("unknown", "no-such-grant");
    table.field(
        "ChangeScope",
        "scope",
        scopes,
        (place, task, value) -> place.client.tasks().changeScope(change(task, 1, value)));
    table.field(
        "ChangeScope",
        "epoch",
        Map.of("none", "0", "negative", "-1", "to come", "7", "last", "" + Long.MAX_VALUE),
        (place, task, value) ->
            place.client.tasks().changeScope(change(task, Long.parseLong(value), Stage.READ)));
    table.field(
        "ChangeScope",
        "scope and epoch",
        Map.of("wider at 0", "0", "wider at 7", "7"),
        (place, task, value) ->
            place.client.tasks().changeScope(change(task, Long.parseLong(value), "payroll-read")));
  }

  private static void ending(Table table) {
    table.tasks(
        "Complete",
        (place, task) ->
            place.client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task).build()),
        false);
    table.tasks(
        "Cancel",
        (place, task) ->
            place.client.tasks().cancel(CancelRequest.newBuilder().setTaskId(task).build()),
        false);
    table.field(
        "Cancel",
        "note",
        text(4096),
        (place, task, value) ->
            place
                .client
                .tasks()
                .cancel(CancelRequest.newBuilder().setTaskId(task).setNote(value).build()));
    table.field(
        "Cancel",
        "agent_gone",
        Map.of("set", ""),
        (place, task, value) ->
            place
                .client
                .tasks()
                .cancel(CancelRequest.newBuilder().setTaskId(task).setAgentGone(true).build()));
  }

  private static void reading(Table table) {
    table.tasks(
        "Get",
        (place, task) -> place.client.tasks().get(GetRequest.newBuilder().setTaskId(task).build()),
        true);
    table.tasks(
        "Watch",
        (place, task) ->
            place.client.tasks().watch(WatchRequest.newBuilder().setTaskId(task).build()).next(),
        true);
    table.field(
        "Watch",
        "after",
        Map.of("to come", "1000", "negative", "-1", "last", "" + Long.MAX_VALUE),
        (place, task, value) ->
            place
                .client
                .tasks()
                .watch(
                    WatchRequest.newBuilder()
                        .setTaskId(task)
                        .setAfter(Long.parseLong(value))
                        .build())
                .next());
  }

  private static void lending(Table table) {
    table.tasks(
        "Issue",
        (place, task) -> place.client.credentials().issue(issue(task, Stage.READ, "fresh")),
        false);
    Map<String, String> grants = new LinkedHashMap<>(HOSTILE);
    grants.put("out of scope", "orders-proxied");
    grants.put("beyond", "payroll-read");
    grants.put("unknown", "no-such-grant");
    table.field(
        "Issue",
        "grant",
        grants,
        (place, task, value) -> place.client.credentials().issue(issue(task, value, "fresh")));
    Map<String, String> keys = new LinkedHashMap<>();
    HOSTILE.forEach((name, value) -> keys.put(name, value.isEmpty() ? "" : value + "/"));
    table.field(
        "Issue",
        "key",
        keys,
        (place, task, value) -> place.client.credentials().issue(issue(task, Stage.READ, value)));
    table.field(
        "Issue",
        "epoch",
        Map.of("negative", "-1", "to come", "2", "last", "" + Long.MAX_VALUE),
        (place, task, value) ->
            place
                .client
                .credentials()
                .issue(
                    issue(task, Stage.READ, "fresh").toBuilder()
                        .setEpoch(Long.parseLong(value))
                        .build()));
    table.add(
        "Issue, key of another grant",
        place -> place.client.credentials().issue(issue(place.open.getId(), Stage.WRITE, "used")));
    table.tasks(
        "Release",
        (place, task) ->
            place
                .client
                .credentials()
                .release(
                    ReleaseRequest.newBuilder()
                        .setTaskId(task)
                        .setCredentialId(UNKNOWN_CREDENTIAL)
                        .build()),
        true);
    table.field(
        "Release",
        "credential",
        HOSTILE,
        (place, task, value) ->
            place
                .client
                .credentials()
                .release(
                    ReleaseRequest.newBuilder().setTaskId(task).setCredentialId(value).build()));
    table.add(
        "Release, credential of another task",
        place ->
            place
                .client
                .credentials()
                .release(
                    ReleaseRequest.newBuilder()
                        .setTaskId(place.open.getId())
                        .setCredentialId(place.ofSecond.getId())
                        .build()));
    table.add(
        "Release, credential through another task that is not there",
        place ->
            place
                .client
                .credentials()
                .release(
                    ReleaseRequest.newBuilder()
                        .setTaskId(UNKNOWN_TASK)
                        .setCredentialId(place.credential.getId())
                        .build()));
  }

  private static void bytes(Table table) {
    for (MethodDescriptor<?, ?> method :
        List.of(
            TasksGrpc.getOpenMethod(),
            TasksGrpc.getChangeScopeMethod(),
            TasksGrpc.getCompleteMethod(),
            TasksGrpc.getCancelMethod(),
            TasksGrpc.getGetMethod(),
            TasksGrpc.getWatchMethod(),
            CredentialsGrpc.getIssueMethod(),
            CredentialsGrpc.getReleaseMethod())) {
      String name = method.getBareMethodName();
      byte[] noMessage = {(byte) 0xff, (byte) 0xff, (byte) 0xff};
      table.add(name + ", no message", place -> place.client.send(method, noMessage));
      table.add(name + ", nothing", place -> place.client.send(method));
      table.add(name + ", empty", place -> place.client.send(method, new byte[0]));
      table.add(name + ", two", place -> place.client.send(method, new byte[0], new byte[0]));
      table.add(name + ", 1 MB of nothing", place -> place.client.send(method, new byte[MEGABYTE]));
    }
  }

  private static void operators(Table table) {
    IDS.forEach(id -> {
      String name = id.length() > 100 ? "long" : id;
      table.add(
          "Revoke, agent " + name,
          place -> place.operator.admin().revoke(RevokeRequest.newBuilder().setAgent(id).build()));
      table.add(
          "List, agent " + name,
          place -> place.operator.admin().list(ListRequest.newBuilder().setAgent(id).build()));
    });
    HOSTILE.forEach((name, value) -> {
      table.add(
          "Revoke, task " + name,
          place ->
              place.operator.admin().revoke(RevokeRequest.newBuilder().setTaskId(value).build()));
      table.add(
          "Revoke, lease " + name,
          place ->
              place.operator.admin().revoke(RevokeRequest.newBuilder().setLease(value).build()));
    });
    text(4096)
        .forEach((name, value) ->
            table.add(
                "Revoke, reason " + name,
                place ->
                    place
                        .operator
                        .admin()
                        .revoke(RevokeRequest.newBuilder().setAll(true).setReason(value).build())));
    table.add(
        "Revoke, nothing",
        place -> place.operator.admin().revoke(RevokeRequest.getDefaultInstance()));
    table.add(
        "List, limit",
        place -> place.operator.admin().list(ListRequest.newBuilder().setLimit(1001).build()));
  }

  /** What a caller can decide by. */
  private static String outcome(Place place, Consumer<Place> call) {
    try {
      call.accept(place);
      return "done";
    } catch (StatusRuntimeException e) {
      Refusal refusal = Refusal.of(e);
      return place.nameless(
          refusal.code() + " " + refusal.reason() + " " + new TreeMap<>(refusal.fields()));
    }
  }

  private static Map<String, String> outcomes(Table table, Deployment.Form form) {
    try (Place place = new Place(form)) {
      Left before = Left.of(place);
      Map<String, String> outcomes = new LinkedHashMap<>();
      table.calls.forEach((name, call) -> outcomes.put(name, outcome(place, call)));
      assertThat(Left.of(place)).as(form + ": what exists").isEqualTo(before);
      return outcomes;
    }
  }

  @Test
  void everyBadInputIsRefusedAlikeAndLeavesNothingHalfDone() {
    Table table = table();
    Map<String, String> allInOne = outcomes(table, Deployment.Form.ALL_IN_ONE);
    Map<String, String> relayed = outcomes(table, Deployment.Form.RELAYED);

    List<String> differences =
        table.calls.keySet().stream()
            .filter(name -> !Objects.equals(allInOne.get(name), relayed.get(name)))
            .map(name -> name + ": " + allInOne.get(name) + " <> " + relayed.get(name))
            .toList();
    System.out.printf(
        "%d bad inputs in two forms, %d differences%n", table.calls.size(), differences.size());
    assertThat(differences).isEmpty();
    assertThat(allInOne.entrySet())
        .filteredOn(answer -> answer.getValue().equals("done"))
        .extracting(Map.Entry::getKey)
        .as("what reads and repeats, and nothing else, is done")
        .allMatch(name ->
            name.startsWith("Get, task ")
                || name.startsWith("Watch, task ")
                || name.endsWith(", task ended"));
    assertThat(allInOne.values())
        .as("nobody's defect")
        .noneMatch(answer -> answer.startsWith("INTERNAL BUG") || answer.startsWith("UNKNOWN"));
  }
}
