package io.exeat.flow;

import io.exeat.attest.InMemoryAttestor;
import io.exeat.attest.Peer;
import io.exeat.audit.InMemoryAudit;
import io.exeat.base.Accessor;
import io.exeat.base.Health;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.InMemoryBackend;
import io.exeat.credential.InMemoryTarget;
import io.exeat.credential.SessionLog;
import io.exeat.journal.InMemoryJournal;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.Question;
import io.exeat.revoke.InMemoryVerifier;
import io.exeat.revoke.ReceiptSigner;
import io.exeat.revoke.Revoker;
import io.exeat.revoke.ttl.EndsByItself;
import io.exeat.task.AgentEntry;
import io.exeat.task.Binding;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Intent;
import io.exeat.task.Target;
import io.exeat.task.Tier;
import io.exeat.task.Tool;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.regex.Pattern;

/** A broker with everything in memory, which tells its story, and whose clock is moved by hand. */
final class Stage implements AutoCloseable {
  static final SpiffeId BILLING = SpiffeId.parse("spiffe://example.org/agent/billing");
  static final SpiffeId OTHER = SpiffeId.parse("spiffe://example.org/agent/other");
  static final Duration LONG = Duration.ofSeconds(20);

  /** The policies that ship, loaded once: slow machines have time. */
  private static final PolicyEngine SHIPPED = PolicyEngines.shipped();

  final List<String> story = new CopyOnWriteArrayList<>();
  private final Map<String, Runnable> when = new ConcurrentHashMap<>();
  final AtomicLong nanos = new AtomicLong();

  /** By how much the wall clock was set, since the start. */
  volatile Duration step = Duration.ZERO;

  final Time time = new Time(() -> Instant.EPOCH.plusNanos(nanos.get()).plus(step), nanos::get);
  final InMemoryAttestor attestor = new InMemoryAttestor();
  final InMemoryTarget target;
  final InMemoryJournal journal;
  final InMemoryAudit audit = new InMemoryAudit(this::tell);
  final InMemoryBackend backend;
  final Revoker revoker;
  volatile PolicyEngine policy = SHIPPED;
  volatile boolean policyIsHere = true;
  volatile ReceiptSigner signer = receipt -> "signed for " + receipt.agent();
  final Office office;
  final Peer.Local billing = attestor.process(1001, 11);
  final Peer.Local other = attestor.process(1002, 12);
  volatile Catalogue catalogue = catalogue(Set.of("orders-read", "orders-write", "hidden"));

  Stage() {
    target = new InMemoryTarget();
    journal = new InMemoryJournal(this::tell);
    backend = new InMemoryBackend(time, target, sessions(journal));
    revoker = revoker();
    office = office();
    story.clear();
  }

  /** A broker on the journal, Vault and target of an earlier one's, as after a restart. */
  Stage(Stage before) {
    target = before.target;
    journal = before.journal;
    backend = before.backend;
    revoker = revoker();
    office = office();
  }

  private Revoker revoker() {
    return new Revoker(
        backend,
        Map.of(
            "orders", new InMemoryVerifier(target),
            "hosts", new EndsByItself(backend::clockAhead, time)),
        time);
  }

  private static SessionLog sessions(InMemoryJournal journal) {
    return new SessionLog() {
      @Override
      public void opened(Accessor session) {
        journal.session(session);
      }

      @Override
      public void ended(Accessor session) {
        journal.sessionEnded(session);
      }
    };
  }

  private Office office() {
    attestor.identify(1001, BILLING);
    attestor.identify(1002, OTHER);
    return new Office(
        new Steps(
            attestor,
            () -> catalogue,
            policyOfNow(),
            backend,
            revoker,
            receipt -> signer.sign(receipt),
            journal,
            audit,
            time),
        () ->
            new Vitals(
                "test",
                Optional.empty(),
                Optional.empty(),
                Duration.ZERO,
                List.of(),
                Optional.empty()));
  }

  private PolicyEngine policyOfNow() {
    return new PolicyEngine() {
      @Override
      public boolean isHere() {
        return policyIsHere;
      }

      @Override
      public Decision decide(Question question) {
        return policy.decide(question);
      }

      @Override
      public Decision foresee(Question question) {
        return policy.foresee(question);
      }

      @Override
      public Health health() {
        return policy.health();
      }
    };
  }

  /** An engine for {@link #policy}. */
  static PolicyEngine says(Function<Question, Decision> answer) {
    return new PolicyEngine() {
      @Override
      public boolean isHere() {
        return true; // the stage's own answer counts
      }

      @Override
      public Decision decide(Question question) {
        return answer.apply(question);
      }

      @Override
      public Health health() {
        return Health.available(Instant.EPOCH);
      }
    };
  }

  /** Runs {@code then} once, in the middle of the step that tells {@code line}. */
  void when(String line, Runnable then) {
    when.put(line, then);
  }

  private void tell(String line) {
    story.add(line);
    Runnable then = when.remove(line);
    if (then != null) {
      then.run();
    }
  }

  static OpenTask ask(String key, String... scope) {
    return new OpenTask(
        new Intent.Declared("report", Map.of("customer", "acme")),
        Set.of(scope),
        Duration.ofMinutes(5),
        "",
        key,
        Binding.PROCESS,
        Optional.empty(),
        Optional.empty());
  }

  /** A part of {@code parent}. */
  static OpenTask part(String key, TaskId parent, Duration lifetime, String... scope) {
    OpenTask ask = ask(key, scope);
    return new OpenTask(
        ask.intent(),
        ask.scope(),
        lifetime,
        ask.note(),
        ask.idempotencyKey(),
        ask.binding(),
        Optional.of(parent),
        Optional.empty());
  }

  static Catalogue catalogue(Set<String> grantsOfBilling) {
    return new Catalogue(
        Map.of("orders", new Target.Postgres("orders", "test", "localhost", 5432, "orders", false)),
        Map.of(
            "orders-read", grant("orders-read", Grant.Delivery.RAW),
            "orders-write", grant("orders-write", Grant.Delivery.RAW),
            "hidden", grant("hidden", Grant.Delivery.PROXIED)),
        Map.of(
            "report",
            new Intent(
                "report",
                "reports",
                Map.of("customer", Pattern.compile("[a-z]+")),
                Set.of("customer"))),
        Map.of(
            "billing", entry("billing", BILLING, grantsOfBilling),
            "other", entry("other", OTHER, Set.of("orders-read"))),
        Map.of());
  }

  void forward(Duration by) {
    nanos.addAndGet(by.toNanos());
  }

  static String text(Issued issued) {
    return issued.secret().read(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  boolean logsIn(Issued issued) {
    return target.login(issued.credential().principal(), text(issued));
  }

  @Override
  public void close() {
    revoker.close();
  }

  static AgentEntry entry(String name, SpiffeId id, Set<String> grants) {
    return entry(name, id, grants, Budget.OF_AN_AGENT);
  }

  static AgentEntry entry(String name, SpiffeId id, Set<String> grants, Budget budget) {
    return new AgentEntry(
        name,
        id,
        "payments team",
        Set.of("spiffe://example.org/human/ann"),
        "on call",
        grants,
        Set.of("report"),
        Duration.ofHours(1),
        budget,
        Set.of(Binding.PROCESS, Binding.IDENTITY),
        Tier.STANDARD);
  }

  static Grant grant(String name, Grant.Delivery delivery) {
    return grant(name, delivery, Budget.OF_A_GRANT);
  }

  static Grant grant(String name, Grant.Delivery delivery, Budget budget) {
    return new Grant(
        name,
        "orders",
        Set.of("read"),
        "internal",
        Set.of(),
        delivery,
        Duration.ofSeconds(60),
        budget,
        new Grant.Kind.Postgres(
            List.of(new Grant.Privilege(Set.of("SELECT"), "public", "orders"))));
  }

  /** From now on these are everybody's approvers. */
  void approvers(Set<String> who) {
    Map<String, AgentEntry> agents = new HashMap<>(catalogue.agents());
    agents.replaceAll((name, it) ->
        new AgentEntry(
            it.name(),
            it.id(),
            it.owner(),
            who,
            it.escalation(),
            it.grants(),
            it.intents(),
            it.maxLifetime(),
            it.budget(),
            it.bindings(),
            it.tier()));
    catalogue =
        new Catalogue(
            catalogue.targets(),
            catalogue.grants(),
            catalogue.intents(),
            agents,
            catalogue.tools());
  }

  /** From now on {@code orders-read} is for these tools, and these are known. */
  void tools(String dataClass, Set<String> names, Map<String, Tool> known) {
    Map<String, Grant> grants = new HashMap<>(catalogue.grants());
    grants.computeIfPresent(
        "orders-read",
        (name, it) ->
            new Grant(
                it.name(),
                it.target(),
                it.actions(),
                dataClass,
                names,
                it.delivery(),
                it.lease(),
                it.budget(),
                it.kind()));
    catalogue =
        new Catalogue(catalogue.targets(), grants, catalogue.intents(), catalogue.agents(), known);
  }
}
