package io.exeat.gateway;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.approve.Approval;
import io.exeat.approve.ApprovalRequest;
import io.exeat.approve.Call;
import io.exeat.attest.Agent;
import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Allowed;
import io.exeat.flow.Approver;
import io.exeat.flow.Issued;
import io.exeat.flow.Judged;
import io.exeat.flow.Judging;
import io.exeat.flow.Killed;
import io.exeat.flow.Named;
import io.exeat.flow.OpenTask;
import io.exeat.flow.Opened;
import io.exeat.flow.Operator;
import io.exeat.flow.OperatorRequests;
import io.exeat.flow.Restoration;
import io.exeat.flow.Revoked;
import io.exeat.flow.Status;
import io.exeat.flow.Stopped;
import io.exeat.flow.TaskView;
import io.exeat.journal.Kill;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Intent;
import io.exeat.task.Target;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Tasks in a map and nothing behind them; it writes down what it was asked, in order. */
public final class FakeFlow implements AgentRequests, OperatorRequests {

  public static final Instant NOON = Instant.parse("2026-06-01T12:00:00.5Z");
  public static final String PASSWORD = "pässword";

  public final List<String> calls = new CopyOnWriteArrayList<>();
  public final List<Peer> peers = new CopyOnWriteArrayList<>();
  public final List<String> requests = new CopyOnWriteArrayList<>();
  public final List<String> threads = new CopyOnWriteArrayList<>();
  public final List<Duration> waits = new CopyOnWriteArrayList<>();
  public final Map<TaskId, List<Consumer<TaskEvent>>> watchers = new ConcurrentHashMap<>();
  public final SecretBytes secret = SecretBytes.adopt(PASSWORD.getBytes(StandardCharsets.UTF_8));
  public volatile @Nullable RuntimeException failure;

  public volatile @Nullable Error error;

  /** Runs in each call, which has been written down. */
  public volatile Consumer<String> meanwhile = call -> {};

  /** The record of what is judged from now on. */
  public volatile CompletableFuture<Void> recorded = CompletableFuture.completedFuture(null);

  public volatile boolean fromMemory = true;

  private final Function<Peer, String> agentOf;
  private final Map<TaskId, Task> tasks = new ConcurrentHashMap<>();

  private final Map<TaskId, List<TaskEvent>> events = new HashMap<>();

  private final Map<String, TaskId> keys = new ConcurrentHashMap<>();

  /**
   * @param agentOf the SPIFFE ID of a peer, which owns what it opens
   */
  public FakeFlow(Function<Peer, String> agentOf) {
    this.agentOf = agentOf;
  }

  private void asked(Peer peer, String call) {
    peers.add(peer);
    asked(call);
  }

  private void asked(String call) {
    calls.add(call);
    requests.add(InRequest.current().value());
    threads.add(Thread.currentThread().isVirtual() ? "virtual" : "loop");
    meanwhile.accept(call);
    RuntimeException thrown = failure;
    if (thrown != null) {
      throw thrown;
    }
    Error serious = error;
    if (serious != null) {
      throw serious;
    }
  }

  @Override
  public Opened open(Peer peer, OpenTask ask) {
    asked(peer, "open " + ask.intent().intent() + " " + ask.idempotencyKey());
    String agent = agentOf.apply(peer);
    TaskId id =
        keys.computeIfAbsent(
            agent + instance(peer, ask.binding()) + ask.idempotencyKey(), key -> TaskId.random());
    TaskView view =
        view(
            tasks.computeIfAbsent(
                id,
                fresh -> task(fresh, agent, ask.intent(), ask.scope(), ask.note(), ask.binding())));
    return new Opened(view, ask.issue().map(grant -> issue(peer, id, grant, 1, "open")));
  }

  /** Of a task that is bound to its process, the key is that process's own. */
  private static String instance(Peer peer, Binding binding) {
    return binding == Binding.PROCESS && peer instanceof Peer.Tls it
        ? it.instance().orElse("")
        : "";
  }

  public static Task task(
      TaskId id,
      String agent,
      Intent.Declared intent,
      Set<String> scope,
      String note,
      Binding binding) {
    return new Task(
        id,
        Optional.empty(),
        new Agent(SpiffeId.parse(agent), "one"),
        "orders",
        intent,
        note,
        scope,
        new Epoch(id, 1),
        Task.State.OPEN,
        binding,
        NOON,
        NOON.plusSeconds(60),
        0,
        Optional.empty());
  }

  private Task own(Peer peer, TaskId id) {
    Task task = tasks.get(id);
    if (task == null || !task.agent().id().toString().equals(agentOf.apply(peer))) {
      throw new FaultException(new Fault.NoSuchTask(id));
    }
    return task;
  }

  private static TaskView view(Task task) {
    return new TaskView(task, List.of(held(task.id(), CredentialId.random())), Optional.empty());
  }

  @Override
  public Judging judging(Peer peer, TaskId task, Act act) {
    asked(peer, "judge " + act.action().word() + " " + act.tool().orElse(""));
    own(peer, task);
    DecisionId id = new DecisionId("d00000000000000000001");
    List<Reason> because = List.of(new Reason("fake", List.of("agent.tier")));
    Judged judged =
        act.tool().equals(Optional.of("no"))
            ? new Judged(id, new Decision.Deny("never", because, "ab"), Optional.empty())
            : new Judged(
                id,
                new Decision.Permit(because, "ab"),
                Optional.of(new Allowed(id, because, () -> {}, () -> {})));
    return new Written(judged, recorded, System.nanoTime() + TimeUnit.SECONDS.toNanos(10));
  }

  @Override
  public boolean judgesFromMemory() {
    return fromMemory;
  }

  /** Its record is awaited for ten seconds, as the broker does. */
  private record Written(Judged judged, CompletableFuture<Void> recorded, long until)
      implements Judging {
    @Override
    public void outOfSight() {}

    @Override
    public void whenRecorded(Runnable next) {
      var _ = recorded.whenComplete((_, _) -> next.run());
    }

    @Override
    public Judged await() {
      try {
        recorded.get(until - System.nanoTime(), TimeUnit.NANOSECONDS);
        return judged;
      } catch (ExecutionException | TimeoutException | InterruptedException e) {
        throw new FaultException(
            new Fault.Unavailable(Fault.Dependency.AUDIT, "not recorded", Duration.ZERO), e);
      }
    }
  }

  @Override
  public TaskView changeScope(
      Peer peer, TaskId task, Set<String> scope, long epoch, Duration within) {
    asked(peer, "changeScope " + epoch);
    waits.add(within);
    return view(own(peer, task));
  }

  @Override
  public TaskView end(Peer peer, TaskId task, EndCause cause, String note, Duration within) {
    asked(peer, "end " + cause + " " + task);
    waits.add(within);
    var _ = own(peer, task);
    return view(ended(task, cause));
  }

  /** It has ended, by nobody's request. */
  public Task ended(TaskId task, EndCause cause) {
    Task ended = in(Objects.requireNonNull(tasks.get(task)), Task.State.ENDED, cause);
    tasks.put(task, ended);
    happened(task, TaskEvent.Kind.ENDED);
    return ended;
  }

  private static Task in(Task task, Task.State state, EndCause cause) {
    return new Task(
        task.id(),
        Optional.empty(),
        task.agent(),
        task.entry(),
        task.intent(),
        task.note(),
        task.scope(),
        task.epoch(),
        state,
        task.binding(),
        task.openedAt(),
        task.deadline(),
        task.deadlineTick(),
        Optional.of(new Task.End(cause, NOON, Optional.of(NOON))));
  }

  @Override
  public TaskView get(Peer peer, TaskId task) {
    asked(peer, "get");
    return view(own(peer, task));
  }

  @Override
  public Subscription watch(Peer peer, TaskId task, long after, Consumer<TaskEvent> listener) {
    asked(peer, "watch");
    Task now = own(peer, task);
    synchronized (events) {
      List<TaskEvent> before = events.computeIfAbsent(task, id -> new ArrayList<>());
      var listeners = watchers.computeIfAbsent(task, id -> new CopyOnWriteArrayList<>());
      listeners.add(listener);
      if (after == 0) {
        listener.accept(new TaskEvent(NOON, TaskEvent.Kind.SNAPSHOT, now, before.size()));
      } else {
        before.stream().filter(event -> event.number() > after).forEach(listener);
      }
      return () -> listeners.remove(listener);
    }
  }

  /** Tells the watchers. */
  public void happened(TaskId task, TaskEvent.Kind kind) {
    Task now = tasks.get(task);
    if (now != null) {
      synchronized (events) {
        List<TaskEvent> before = events.computeIfAbsent(task, id -> new ArrayList<>());
        TaskEvent event = new TaskEvent(NOON, kind, now, before.size() + 1);
        before.add(event);
        watchers.getOrDefault(task, List.of()).forEach(listener -> listener.accept(event));
      }
    }
  }

  @Override
  public Issued issue(Peer peer, TaskId task, String grant, long epoch, String idempotencyKey) {
    asked(peer, "issue " + grant + " " + idempotencyKey);
    Task now = own(peer, task);
    return new Issued(
        held(now.id(), CredentialId.random()),
        new Target.Postgres("orders-db", "test", "db.example", 5432, "orders", true),
        secret);
  }

  private static Held held(TaskId task, CredentialId id) {
    return new Held(
        id,
        new Epoch(task, 1),
        "orders-read",
        "orders-db",
        new LeaseId("database/creds/orders-read/x"),
        "v-orders-read",
        Held.Kind.POSTGRES_ROLE,
        Held.State.ACTIVE,
        NOON,
        NOON.plusSeconds(30),
        Optional.empty());
  }

  @Override
  public Held release(Peer peer, TaskId task, CredentialId credential, Duration within) {
    asked(peer, "release");
    waits.add(within);
    return held(own(peer, task).id(), credential);
  }

  @Override
  public List<TaskView> list(
      Operator operator, Optional<SpiffeId> agent, boolean ended, int limit) {
    asked("list by " + operator.who() + " " + limit);
    return tasks.values().stream().map(FakeFlow::view).limit(limit).toList();
  }

  @Override
  public Revoked revoke(Operator operator, Named named, String reason, Duration within) {
    asked("revoke by " + operator.who() + " " + named);
    waits.add(within);
    return new Revoked(1, 1, Map.of(), 2);
  }

  @Override
  public Stopped kill(Operator operator, SpiffeId agent, String reason, Duration within) {
    asked("kill by " + operator.who() + " " + agent);
    waits.add(within);
    return new Stopped(new Revoked(1, 1, Map.of(), 0), stopped(agent), true);
  }

  private static Killed stopped(SpiffeId agent) {
    return new Killed(
        new Kill(agent, "orders", NOON, "uid 0", "went astray"),
        true,
        Optional.of(new Killed.Request("spiffe://example.org/operator/one", NOON)),
        Optional.empty());
  }

  @Override
  public Restoration restore(Operator operator, SpiffeId agent, String reason, Duration within) {
    asked("restore by " + operator.svid().map(SpiffeId::toString).orElse("nobody") + " " + agent);
    waits.add(within);
    return new Restoration.WaitsForAnother(NOON);
  }

  @Override
  public List<Killed> killed(Operator operator) {
    asked("killed by " + operator.who());
    return List.of(stopped(SpiffeId.parse("spiffe://example.org/agent/billing")));
  }

  @Override
  public List<AuditEvent.ReceiptSigned> receipts(Operator operator, TaskId task, int most) {
    asked("receipts by " + operator.who() + " " + most);
    return List.of(
        new AuditEvent.ReceiptSigned(
            new Epoch(task, 1), Optional.empty(), "spiffe://example.org/agent", "a.b.c"));
  }

  @Override
  public Status status(Operator operator) {
    asked("status by " + operator.who());
    return new Status(
        "0.1",
        Optional.of("spiffe://example.org/broker"),
        Optional.of(NOON),
        Duration.ofSeconds(5),
        new Status.Counts(1, 0, 1, 0),
        List.of(new Status.Dependency("vault", Optional.of("sealed; unseal it"), NOON)),
        Optional.of(
            new Status.Policy("5f".repeat(32), Optional.of(Duration.ofMillis(1_500)), true)),
        Map.of());
  }

  @Override
  public List<ApprovalRequest> waiting(Approver approver) {
    asked("waiting for " + approver.who() + (approver.isOperator() ? ", operator" : ""));
    return List.of(request(new DecisionId("d00000000000000000001")));
  }

  @Override
  public ApprovalRequest approve(
      Approver approver, DecisionId asked, Duration validFor, String reason) {
    asked("approve " + asked + " for " + validFor + " by " + approver.who() + ": " + reason);
    return request(asked);
  }

  @Override
  public void reject(Approver approver, DecisionId asked, String reason) {
    asked("reject " + asked + " by " + approver.who() + ": " + reason);
  }

  private static ApprovalRequest request(DecisionId id) {
    ObjectNode question = JsonNodeFactory.instance.objectNode().put("action", "call");
    return new ApprovalRequest(
        id,
        "t00000000000000000001",
        new Call("spiffe://example.org/agent/one", "ca11", "ab"),
        List.of(question),
        List.of(new Reason("fake", List.of("agent.tier"))),
        List.of("operator", "owner"),
        List.of(new Approval("owner", "uid 7", NOON, NOON.plusSeconds(60))),
        NOON,
        NOON.plusSeconds(3600));
  }
}
