package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.attest.Peer;
import io.exeat.base.CredentialId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.Door;
import io.exeat.task.Grant;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.util.Set;

/** What an agent itself is given: decided, exchanged, written down, handed over. */
final class Lending {
  /** Live credentials of one task: each is a database role that may have several connections. */
  static final int MOST_LIVE = 16;

  /** The idempotency key of what is issued with a task; no agent's key has this character. */
  private static final String WITH_TASK = "open:";

  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Judge judge;
  private final Exchange exchange;
  private final Budgets budgets;
  private final Endings endings;
  private final Views views;
  private final Replays<TaskId, String, CredentialId> issued = new Replays<>();

  Lending(Office office, Judge judge) {
    this.tasks = office.tasks();
    this.ceiling = office.ceiling();
    this.judge = judge;
    this.exchange = office.exchange();
    this.budgets = office.budgets();
    this.endings = office.endings();
    this.views = office.views();
  }

  /** The credential that comes with the task; the same one again when it is asked for again. */
  Issued withTask(Peer peer, Agent agent, TaskId id, String grant) {
    return issue(peer, agent, id, grant, 1, WITH_TASK);
  }

  Issued issue(Peer peer, Agent agent, TaskId id, String grant, long epoch, String idempotencyKey) {
    return budgets.inTurn(
        ceiling.entry(agent),
        () ->
            tasks.during(
                agent,
                id,
                epoch,
                task -> {
                  String key = task.epoch().number() + "." + idempotencyKey;
                  return hand(issued.once(id, key, grant, () -> lend(peer, task, grant)));
                }));
  }

  private CredentialId lend(Peer peer, Task task, String name) {
    views.requireRoom(task.id(), MOST_LIVE);
    Act act = Act.under(name, Action.ISSUE, Arguments.NONE, Door.API);
    Grant grant = deliverable(ceiling.under(task, act).getFirst());
    return budgets.issuing(
        ceiling.entry(task.agent()),
        grant,
        () -> lend(task, grant, judge.lending(peer, task, act)));
  }

  private CredentialId lend(Task task, Grant grant, Allowed allowed) {
    try {
      return exchange.issue(task, grant, allowed).id();
    } catch (AnswerLost e) {
      endings.replaceEpoch(task.epoch());
      throw e.toFault();
    } catch (NotRecorded e) {
      endings.takeBack(e.lent());
      throw e.refusal();
    } finally {
      allowed.done();
    }
  }

  private static Grant deliverable(Grant grant) {
    if (!grant.lends() || grant.delivery() != Grant.Delivery.RAW) {
      throw new FaultException(
          new Fault.Denied(
              "grant " + grant.name() + " is only used through a proxy: delivery is not raw"));
    }
    return grant;
  }

  private Issued hand(CredentialId id) {
    Held held = views.held(id);
    SecretBytes secret = views.secret(id);
    return new Issued(held, ceiling.target(held.target()), secret);
  }

  /** Forgets repeated calls about tasks that are not remembered any more. */
  void forget(Set<TaskId> tasksForgotten) {
    issued.forgetOwners(tasksForgotten::contains);
  }
}
