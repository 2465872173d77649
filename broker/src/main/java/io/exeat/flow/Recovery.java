package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.base.Accessor;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Intent;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Settles what another run of the broker left behind: nothing of before a restart is resumed,
 * everything is ended and proven dead, and no task is opened at a target before that is so there.
 */
public final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final Duration LEAST = Duration.ofMillis(20);
  private static final Duration MOST = Duration.ofSeconds(1);

  /** Tasks of one target that are ended at the same time. */
  private static final int AT_ONCE = 32;

  /** How long who opens a task waits for what was left; it mostly takes less. */
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private final Tasks tasks;
  private final Exchange exchange;
  private final Endings endings;
  private final Kills kills;
  private final SecretsBackend backend;
  private final Journal journal;
  private final Time time;
  private final Map<String, CompletableFuture<Void>> settledAt = new ConcurrentHashMap<>();
  private volatile CompletableFuture<Void> sessionsEnded = CompletableFuture.completedFuture(null);
  private volatile boolean stopped;

  Recovery(Office office, Steps steps) {
    this.tasks = office.tasks();
    this.exchange = office.exchange();
    this.endings = office.endings();
    this.kills = office.kills();
    this.backend = steps.backend();
    this.journal = steps.journal();
    this.time = steps.time();
  }

  /**
   * Takes in everything that the journal holds, as tasks that are ending, and starts ending it;
   * returns how many epochs. Call before the backend logs in anew: every session in the journal is
   * another run's.
   */
  public int start() {
    List<Accessor> sessions = journal.sessions();
    List<Journal.Outstanding> left = journal.outstanding();
    Map<TaskId, Task> leftTasks = new LinkedHashMap<>();
    Map<TaskId, Set<String>> targets = new HashMap<>();
    for (Journal.Outstanding epoch : left) {
      TaskId task = epoch.epoch().task();
      exchange.adopt(epoch);
      leftTasks.merge(task, asEnding(epoch), Recovery::later);
      targets.computeIfAbsent(task, _ -> new TreeSet<>()).addAll(epoch.targets());
    }
    leftTasks.values().forEach(tasks::settle);
    kills.resume();
    leftTasks.values().stream()
        .collect(Collectors.groupingBy(task -> targets.getOrDefault(task.id(), Set.of())))
        .forEach((where, those) -> {
          CompletableFuture<Void> settled = resume(those);
          where.forEach(target -> settledAt.merge(target, settled, CompletableFuture::allOf));
        });
    sessionsEnded = all(sessions.stream().map(this::ended).toList());
    return left.size();
  }

  /**
   * Waits, for a moment at most, until everything that another run could have left at {@code
   * targets} is proven dead, and that run's sessions with Vault are ended.
   *
   * @throws FaultException Unavailable TARGET or VAULT when it is not yet
   */
  void requireSettled(Set<String> targets) {
    long until = time.after(PATIENCE);
    if (!isDone(sessionsEnded, until)) {
      throw notYet(Fault.Dependency.VAULT, "the sessions of before the broker's restart");
    }
    for (String target : targets) {
      CompletableFuture<Void> settled = settledAt.get(target);
      if (settled != null && !isDone(settled, until)) {
        throw notYet(Fault.Dependency.TARGET, "what was lent at " + target + " before the restart");
      }
    }
  }

  private boolean isDone(CompletableFuture<Void> settled, long until) {
    try {
      settled.get(time.until(until).toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("an ending failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static FaultException notYet(Fault.Dependency dependency, String what) {
    return new FaultException(
        new Fault.Unavailable(dependency, what + " is not proven dead yet", MOST));
  }

  /**
   * So many at a time: ten thousand at once would keep Vault, the targets and the broker's own
   * start from each other, and be over no sooner. Those at other targets have turns of their own.
   */
  private CompletableFuture<Void> resume(List<Task> left) {
    Queue<Task> waiting = new ConcurrentLinkedQueue<>(left);
    List<CompletableFuture<Void>> turns = new ArrayList<>();
    for (int i = 0; i < Math.min(AT_ONCE, left.size()); i++) {
      turns.add(CompletableFuture.runAsync(() -> endOneByOne(waiting), Chains::onItsOwn));
    }
    return all(turns);
  }

  private void endOneByOne(Queue<Task> waiting) {
    for (Task next = waiting.poll(); next != null && !stopped; next = waiting.poll()) {
      endings.resume(next);
      endings.recalled(next.id()).join();
    }
  }

  private static CompletableFuture<Void> all(List<CompletableFuture<Void>> each) {
    return CompletableFuture.allOf(each.toArray(CompletableFuture[]::new));
  }

  private CompletableFuture<Void> ended(Accessor session) {
    return CompletableFuture.runAsync(
        () -> endSession(session), Thread.ofVirtual().name("settle session")::start);
  }

  /** Stops trying to end other runs' sessions; the journal keeps them. */
  public void stop() {
    stopped = true;
  }

  /** Its descendants, known and unknown, end with it. */
  private void endSession(Accessor session) {
    Duration pause = LEAST;
    while (!stopped) {
      try {
        backend.endToken(session);
        journal.sessionEnded(session);
        return;
      } catch (FaultException e) {
        LOG.debug("A session of before the restart is not ended yet: {}", e.getMessage());
        LockSupport.parkNanos(pause.toNanos());
        pause = pause.multipliedBy(2).compareTo(MOST) < 0 ? pause.multipliedBy(2) : MOST;
      }
    }
  }

  private Task asEnding(Journal.Outstanding left) {
    Instant now = time.now();
    return new Task(
        left.epoch().task(),
        Optional.empty(),
        new Agent(left.agent(), "before the restart"),
        "",
        new Intent.Declared("", Map.of()),
        "",
        Set.of(),
        left.epoch(),
        Task.State.ENDING,
        Binding.IDENTITY,
        now,
        now,
        time.after(Duration.ZERO),
        Optional.of(new Task.End(cause(left), now, Optional.empty())));
  }

  /** Why it was ending before the restart, if it was: the first cause stays. */
  private static EndCause cause(Journal.Outstanding left) {
    return left.cause().map(EndCause::valueOf).orElse(EndCause.BROKER_RESTARTED);
  }

  private static Task later(Task one, Task other) {
    return one.epoch().number() >= other.epoch().number() ? one : other;
  }
}
