package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.journal.Kill;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Agents that operators have stopped. Stopping is one person's and takes effect here at once, with
 * everything else away; what Vault and the disk have to do for it is done as soon as they can.
 * Restoring takes two, each with an SVID of its own, and everything there.
 */
final class Kills {
  /** How long one operator's request waits for the other's. */
  static final Duration WAITS = Duration.ofMinutes(15);

  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Endings endings;
  private final SecretsBackend backend;
  private final Journal journal;
  private final AuditSink audit;
  private final Time time;
  private final ConcurrentMap<SpiffeId, Stop> stops = new ConcurrentHashMap<>();

  Kills(Tasks tasks, Ceiling ceiling, Endings endings, Steps steps) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.endings = endings;
    this.backend = steps.backend();
    this.journal = steps.journal();
    this.audit = steps.audit();
    this.time = steps.time();
    journal
        .kills()
        .forEach(kill -> stops.put(kill.agent(), new Stop(kill, backend, journal, time)));
  }

  /** Goes on with what another run of the broker began. */
  void resume() {
    for (Stop stop : stops.values()) {
      var _ = stop.enforce(); // goes on by itself
    }
  }

  /**
   * To be asked before a task is opened, and again once {@link #kill} would find it.
   *
   * @throws FaultException Denied
   */
  void requireAlive(Agent agent) {
    if (stops.containsKey(agent.id())) {
      throw new FaultException(
          new Fault.Denied("an operator has stopped this agent; its owner knows more"));
    }
  }

  /** Whether the agent is stopped. */
  boolean isStopped(SpiffeId agent) {
    return stops.containsKey(agent);
  }

  /**
   * Stops the agent: returns once it is cut off here, with what is under way.
   *
   * @throws FaultException Malformed for an agent that is neither in the catalogue nor has tasks
   */
  UnderWay kill(SpiffeId agent, Operator operator, String reason) {
    Kill kill = new Kill(agent, entry(agent), time.now(), operator.who(), reason);
    Stop stop =
        stops.compute(
            agent,
            (id, before) -> {
              Stop now = before == null ? new Stop(kill, backend, journal, time) : before;
              now.again(); // here, so that nothing that restores it comes between
              return now;
            });
    List<Task> had = tasks.live().stream().filter(task -> task.agent().id().equals(agent)).toList();
    String note = "by " + operator.who() + ": " + reason;
    had.forEach(task -> endings.end(task.id(), EndCause.KILLED, note));
    Chains.onItsOwn(() ->
        audit.recordEnding(
            new AuditEvent.OperatorActed(operator.who(), "kill", agent.toString(), reason)));
    return new UnderWay(stop, had, stop.enforce());
  }

  /**
   * A stop that has taken effect.
   *
   * @param had the tasks that it ends
   * @param enforced done when the journal and Vault have it
   */
  record UnderWay(Stop stop, List<Task> had, CompletableFuture<Void> enforced) {}

  /**
   * Asks for the agent's restoration; the second operator's request begins it.
   *
   * @throws FaultException Denied for an operator who may not; Malformed for an agent that is not
   *     stopped; Unavailable AUDIT
   */
  Asked restore(SpiffeId agent, Operator operator, String reason) {
    SpiffeId by =
        operator
            .svid()
            .orElseThrow(() ->
                denied(
                    "two operators restore an agent, each over mTLS with an SVID of its own; a uid"
                        + " names no person"));
    if (by.equals(agent)) {
      throw denied("an agent does not restore itself");
    }
    Stop stop = stops.get(agent);
    if (stop == null) {
      throw notStopped();
    }
    audit.record(new AuditEvent.OperatorActed(operator.who(), "unkill", agent.toString(), reason));
    return switch (stop.ask(by)) {
      case Stop.Asked.Waits waits -> new Asked.Waits(waits.request());
      case Stop.Asked.Both both ->
          new Asked.Begun(
              stop,
              stop.restore(
                  both.turn(), () -> isQuiet(agent), () -> restored(agent, stop, both.turn())));
      case Stop.Asked.Over _ -> throw notStopped();
    };
  }

  /** What became of a request. */
  sealed interface Asked {
    record Waits(Killed.Request request) implements Asked {}

    record Begun(Stop stop, CompletableFuture<Void> done) implements Asked {}
  }

  /** Every agent that is stopped, in no order. */
  List<Killed> all() {
    return stops.values().stream().map(Stop::view).toList();
  }

  /** Vault's tokens of an agent work again when it is enabled, so there must be none. */
  private boolean isQuiet(SpiffeId agent) {
    return tasks.live().stream().noneMatch(task -> task.agent().id().equals(agent));
  }

  private void restored(SpiffeId agent, Stop stop, long turn) {
    AtomicBoolean finished = new AtomicBoolean();
    stops.computeIfPresent(
        agent,
        (id, there) -> {
          finished.set(there == stop && stop.finish(turn));
          return finished.get() ? null : there;
        });
    if (finished.get()) {
      audit.recordEnding(
          new AuditEvent.OperatorActed(
              stop.restorers(), "restored", agent.toString(), "two have asked"));
    }
  }

  private String entry(SpiffeId agent) {
    return ceiling
        .name(agent)
        .or(() ->
            tasks.all().stream()
                .filter(task -> task.agent().id().equals(agent))
                .map(Task::entry)
                .filter(name -> !name.isEmpty())
                .findAny())
        .or(() -> Optional.ofNullable(stops.get(agent)).map(stop -> stop.view().kill().entry()))
        .orElseThrow(() -> malformed("is neither in the catalogue nor has it a task here"));
  }

  private static FaultException denied(String reason) {
    return new FaultException(new Fault.Denied(reason));
  }

  private static FaultException notStopped() {
    return malformed("is not stopped here");
  }

  private static FaultException malformed(String problem) {
    return new FaultException(new Fault.Malformed("agent", problem));
  }
}
