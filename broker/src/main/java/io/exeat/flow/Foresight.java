package io.exeat.flow;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.attest.Peer;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.task.Task;
import io.exeat.task.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What would be decided now of acts that nobody asks for yet. */
final class Foresight {
  private static final Logger LOG = LoggerFactory.getLogger(Foresight.class);

  private final Broker broker;
  private final Judge judge;
  private final Attestor attestor;
  private final Tasks tasks;

  Foresight(Broker broker, Attestor attestor, Tasks tasks) {
    this.broker = broker;
    this.judge = broker.judge();
    this.attestor = attestor;
    this.tasks = tasks;
  }

  /** The agent wants to know what it could do: a request of its, like all others. */
  List<Decision> asked(Peer peer, TaskId id, List<Act> acts) {
    return broker.story(
        peer, "Proxy.Foresee", Optional.of(id), agent -> foresee(peer, agent, id, acts));
  }

  /**
   * We want to know. What keeps us from it is nothing that the agent did; and while its issuer is
   * away, whoever is known already is not waited for.
   */
  Optional<List<Decision>> unasked(Peer peer, TaskId id, List<Act> acts) {
    try {
      Agent agent = attestor.lastKnown(peer).orElseGet(() -> attestor.attest(peer));
      return Optional.of(foresee(peer, agent, id, acts));
    } catch (FaultException e) {
      LOG.debug("What task {} could do cannot be told now", id, e);
      return Optional.empty();
    }
  }

  /** Each by itself, so that the epoch's end waits for one answer at most. */
  private List<Decision> foresee(Peer peer, Agent agent, TaskId id, List<Act> acts) {
    Epoch epoch = tasks.get(agent, id).epoch();
    List<Decision> said = new ArrayList<>();
    for (Act act : acts) {
      if (!said.isEmpty() && said.getLast() instanceof Decision.Failed && !judge.isHere()) {
        said.add(said.getLast()); // an engine elsewhere that is late would be late each time
      } else {
        said.add(tasks.during(agent, id, epoch.number(), task -> foresee(peer, task, act)));
      }
    }
    return said;
  }

  private Decision foresee(Peer peer, Task task, Act act) {
    try {
      return judge.foresee(peer, task, act);
    } catch (FaultException e) {
      return new Decision.Deny(String.valueOf(e.getMessage()), List.of(), "");
    }
  }
}
