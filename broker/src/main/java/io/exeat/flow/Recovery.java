package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.base.Accessor;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Settles what another run of the broker left behind: nothing of before a restart is resumed,
 * everything is ended and proven dead.
 */
public final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final Duration LEAST = Duration.ofMillis(20);
  private static final Duration MOST = Duration.ofSeconds(1);

  private final Tasks tasks;
  private final Exchange exchange;
  private final Endings endings;
  private final SecretsBackend backend;
  private final Journal journal;
  private final Time time;
  private volatile boolean stopped;

  Recovery(Tasks tasks, Exchange exchange, Endings endings, Steps steps) {
    this.tasks = tasks;
    this.exchange = exchange;
    this.endings = endings;
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
    for (Journal.Outstanding epoch : left) {
      exchange.adopt(epoch);
      leftTasks.merge(epoch.epoch().task(), asEnding(epoch), Recovery::later);
    }
    leftTasks.values().forEach(tasks::settle);
    leftTasks.values().forEach(endings::resume);
    sessions.forEach(
        session -> Thread.ofVirtual().name("settle session").start(() -> endSession(session)));
    return left.size();
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
        Optional.of(new Task.End(EndCause.BROKER_RESTARTED, now, Optional.empty())));
  }

  private static Task later(Task one, Task other) {
    return one.epoch().number() >= other.epoch().number() ? one : other;
  }
}
