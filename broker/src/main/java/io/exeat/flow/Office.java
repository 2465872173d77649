package io.exeat.flow;

import io.exeat.base.Epoch;
import io.exeat.base.Time;
import io.exeat.credential.Holdings;
import io.exeat.task.EndCause;
import io.exeat.task.Tasks;
import java.util.Set;
import java.util.function.Supplier;

/** The stories put together over one set of tasks and holdings. */
public final class Office {
  private final Time time;
  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Exchange exchange;
  private final Budgets budgets;
  private final Proofs proofs;
  private final Endings endings;
  private final Kills kills;
  private final Views views;
  private final Approving approving;
  private final Broker broker;
  private final Uses uses;
  private final Desk desk;
  private final Figures figures;
  private final Supplier<Readings> readings;
  private final Sweeper sweeper;
  private final Recovery recovery;

  /**
   * @param health how the broker and what it depends on are, asked at each status request
   */
  public Office(Steps steps, Supplier<Vitals> health) {
    Holdings holdings = new Holdings();
    this.time = steps.time();
    this.figures = new Figures(time);
    this.tasks = new Tasks(time);
    this.ceiling = new Ceiling(steps.catalogue());
    this.exchange = new Exchange(tasks, holdings, steps);
    this.proofs = new Proofs(holdings, steps);
    this.endings = new Endings(tasks, ceiling, exchange, holdings, proofs, steps);
    this.budgets = new Budgets(tasks, holdings, steps.time());
    this.kills = new Kills(tasks, ceiling, endings, steps);
    this.recovery = new Recovery(this, steps);
    this.views = new Views(tasks, holdings, steps.revoker(), endings);
    this.approving = new Approving(tasks, ceiling, kills, steps.audit(), time);
    this.broker = new Broker(steps, this);
    this.uses = new Uses(this, broker, holdings, steps);
    this.desk = new Desk(this, holdings, steps, health);
    this.readings =
        () ->
            new Readings(
                desk.counts(),
                steps.revoker().waiting(),
                figures.calls(),
                figures.refused(),
                steps.revoker().deaths().seen(),
                proofs.waiting());
    this.sweeper = new Sweeper(tasks, holdings, endings, proofs, broker, ceiling, steps);
  }

  public AgentRequests broker() {
    return broker;
  }

  public ProxyRequests uses() {
    return uses;
  }

  public OperatorRequests desk() {
    return desk;
  }

  /** What there is to measure now. */
  public Readings readings() {
    return readings.get();
  }

  /** What happens by itself: to be ticked about ten times a second. */
  public Sweeper sweeper() {
    return sweeper;
  }

  /** What another run of the broker left behind: to be settled before the doors open. */
  public Recovery recovery() {
    return recovery;
  }

  /** Ends the tasks whose open epochs are lost at Vault; returns at once. */
  public void lost(Set<Epoch> epochs) {
    tasks.live().stream()
        .filter(task -> epochs.contains(task.epoch()))
        .forEach(task -> endings.end(task.id(), EndCause.LEASE_LOST, "its token ended in Vault"));
  }

  /** Warns the agents of tasks whose open epochs will end at Vault soon, as of a deadline. */
  public void expiring(Set<Epoch> epochs) {
    tasks.live().stream()
        .filter(task -> epochs.contains(task.epoch()))
        .forEach(task -> tasks.warn(task.id()));
  }

  /** Ends every task, because what all of them hang on is lost; returns at once. */
  public void endAll(EndCause cause, String note) {
    tasks.live().forEach(task -> endings.end(task.id(), cause, note));
  }

  /** Whether nothing is open or being revoked that can be taken back. */
  public boolean isIdle() {
    return tasks.live().stream().allMatch(task -> endings.onlyLasts(task.id()));
  }

  Figures figures() {
    return figures;
  }

  Time time() {
    return time;
  }

  Tasks tasks() {
    return tasks;
  }

  Ceiling ceiling() {
    return ceiling;
  }

  Exchange exchange() {
    return exchange;
  }

  Budgets budgets() {
    return budgets;
  }

  Endings endings() {
    return endings;
  }

  Approving approving() {
    return approving;
  }

  Kills kills() {
    return kills;
  }

  Views views() {
    return views;
  }
}
