package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What an agent, and all agents of a grant, may have and ask for at a time. Whoever wants more is
 * refused at once, before anything is asked of Vault; nothing that ends is counted.
 *
 * <p>What is allowed is done {@link #AT_ONCE} at a time for each agent, the rest in its turn: a
 * burst of one agent does not stand before the next one's call.
 */
final class Budgets {
  /** How much of one agent's is being made at the same time. */
  static final int AT_ONCE = 4;

  /** How many calls of one agent wait for their turn. */
  static final int WAITING = 64;

  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration SOON = Duration.ofMillis(200);

  private final Tasks tasks;
  private final Holdings holdings;
  private final Time time;

  // Guarded by this; by the name in the catalogue.
  private final Map<String, Share> agents = new HashMap<>();
  private final Map<String, Share> grants = new HashMap<>();

  Budgets(Tasks tasks, Holdings holdings, Time time) {
    this.tasks = tasks;
    this.holdings = holdings;
    this.time = time;
  }

  /** What one agent or grant has used. */
  private static final class Share {
    private final Bucket issues;
    private final Semaphore turn = new Semaphore(AT_ONCE, true);

    /** Asked for, and neither held nor refused yet. */
    private int coming;

    Share(Time time) {
      this.issues = new Bucket(time);
    }
  }

  /**
   * Runs {@code body} when it is the agent's turn. To be called while nothing is in flight under a
   * task: what ends the task would wait for it.
   *
   * @throws FaultException Exhausted, or what {@code body} throws
   */
  <T> T inTurn(AgentEntry agent, Supplier<T> body) {
    Semaphore turn = share(agents, agent.name()).turn;
    boolean mine = false;
    try {
      mine =
          turn.getQueueLength() < WAITING
              && turn.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      if (!mine) {
        String what = "calls at once of agent " + agent.name();
        throw new FaultException(new Fault.Exhausted(what, AT_ONCE + WAITING, SOON));
      }
      return body.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FaultException(new Fault.NotServing("stopping"), e);
    } finally {
      if (mine) {
        turn.release();
      }
    }
  }

  /**
   * Counts that the agent is about to open a task, or to bring grants into the scope of one: both
   * make a token in Vault. A scope that only loses grants is not counted.
   *
   * @throws FaultException Exhausted
   */
  synchronized void widening(AgentEntry agent) {
    Share of = share(agents, agent.name());
    requireRate(of, agent.budget().issuesPerMinute(), "issues a minute of agent " + agent.name());
    of.issues.take();
  }

  /**
   * Brings {@code coming} into the scope of a task by {@code body}, which must not wait.
   *
   * @throws FaultException Exhausted, or what {@code body} throws
   */
  synchronized <T> T inScope(Collection<Grant> coming, Supplier<T> body) {
    for (Grant grant : coming) {
      long open = tasks.live().stream().filter(task -> task.scope().contains(grant.name())).count();
      require(open, grant.budget().openTasks(), "open tasks of grant " + grant.name());
    }
    return body.get();
  }

  /**
   * Issues a credential of {@code grant} by {@code body}.
   *
   * @throws FaultException Exhausted, or what {@code body} throws
   */
  <T> T issuing(AgentEntry agent, Grant grant, Supplier<T> body) {
    take(agent, grant);
    try {
      return body.get();
    } finally {
      landed(agent, grant);
    }
  }

  private synchronized void take(AgentEntry agent, Grant grant) {
    Share of = share(agents, agent.name());
    Share among = share(grants, grant.name());
    requireRate(of, agent.budget().issuesPerMinute(), "issues a minute of agent " + agent.name());
    requireRate(
        among, grant.budget().issuesPerMinute(), "issues a minute of grant " + grant.name());
    require(
        of.coming + live(held -> isOf(held, agent)),
        agent.budget().liveCredentials(),
        "live credentials of agent " + agent.name());
    require(
        among.coming + live(held -> held.grant().equals(grant.name())),
        grant.budget().liveCredentials(),
        "live credentials of grant " + grant.name());
    of.issues.take();
    among.issues.take();
    of.coming++;
    among.coming++;
  }

  private synchronized void landed(AgentEntry agent, Grant grant) {
    share(agents, agent.name()).coming--;
    share(grants, grant.name()).coming--;
  }

  private long live(Predicate<Held> which) {
    return holdings.alive().stream().filter(which).count();
  }

  private boolean isOf(Held held, AgentEntry agent) {
    return tasks.find(held.epoch().task()).map(Task::agent).stream()
        .anyMatch(of -> of.id().equals(agent.id()));
  }

  private static void requireRate(Share of, int perMinute, String what) {
    Duration wait = of.issues.untilNext(perMinute);
    if (!wait.isZero()) {
      throw new FaultException(new Fault.Exhausted(what, perMinute, wait));
    }
  }

  private static void require(long used, int most, String what) {
    if (used >= most) {
      throw new FaultException(new Fault.Exhausted(what, most));
    }
  }

  private synchronized Share share(Map<String, Share> shares, String name) {
    return shares.computeIfAbsent(name, it -> new Share(time));
  }
}
