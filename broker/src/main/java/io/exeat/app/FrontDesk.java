package io.exeat.app;

import io.exeat.approve.ApprovalRequest;
import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Approver;
import io.exeat.flow.Issued;
import io.exeat.flow.Judging;
import io.exeat.flow.Killed;
import io.exeat.flow.Named;
import io.exeat.flow.OpenTask;
import io.exeat.flow.Opened;
import io.exeat.flow.Operator;
import io.exeat.flow.OperatorRequests;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Restoration;
import io.exeat.flow.Revoked;
import io.exeat.flow.Standing;
import io.exeat.flow.Status;
import io.exeat.flow.Stopped;
import io.exeat.flow.TaskView;
import io.exeat.flow.Use;
import io.exeat.flow.Vitals;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.task.EndCause;
import io.exeat.task.TaskEvent;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Stands behind the doors from the first moment: answers with what is missing until the broker is
 * there, and again once it stops. How the broker is can be asked all the time.
 */
final class FrontDesk implements AgentRequests, ProxyRequests, OperatorRequests {
  private final Supplier<Vitals> vitals;
  private volatile @Nullable AgentRequests agents;
  private volatile @Nullable ProxyRequests proxies;
  private volatile @Nullable OperatorRequests operators;
  private volatile String state = "starting";
  private volatile boolean stopping;

  FrontDesk(Supplier<Vitals> vitals) {
    this.vitals = vitals;
  }

  /** What the broker still waits for, for people. */
  void waitsFor(String what) {
    state = what;
  }

  /** From now on it answers. */
  void serve(AgentRequests byAgents, ProxyRequests byProxies, OperatorRequests byOperators) {
    proxies = byProxies;
    agents = byAgents;
    operators = byOperators;
  }

  /** Agents get no more; operators do, to the end. */
  void stop() {
    stopping = true;
    agents = null;
    proxies = null;
    state = "stopping";
  }

  private AgentRequests agents() {
    AgentRequests there = agents;
    if (there == null) {
      throw notServing();
    }
    return there;
  }

  private ProxyRequests proxies() {
    ProxyRequests there = proxies;
    if (there == null) {
      throw notServing();
    }
    return there;
  }

  private OperatorRequests operators() {
    OperatorRequests there = operators;
    if (there == null) {
      throw notServing();
    }
    return there;
  }

  private FaultException notServing() {
    return new FaultException(new Fault.NotServing(state));
  }

  @Override
  public Opened open(Peer peer, OpenTask ask) {
    return agents().open(peer, ask);
  }

  @Override
  public TaskView changeScope(
      Peer peer, TaskId task, Set<String> scope, long epoch, Duration within) {
    return agents().changeScope(peer, task, scope, epoch, within);
  }

  @Override
  public TaskView end(Peer peer, TaskId task, EndCause cause, String note, Duration within) {
    return agents().end(peer, task, cause, note, within);
  }

  @Override
  public TaskView get(Peer peer, TaskId task) {
    return agents().get(peer, task);
  }

  @Override
  public Subscription watch(Peer peer, TaskId task, long after, Consumer<TaskEvent> listener) {
    return agents().watch(peer, task, after, listener);
  }

  @Override
  public Issued issue(Peer peer, TaskId task, String grant, long epoch, String idempotencyKey) {
    return agents().issue(peer, task, grant, epoch, idempotencyKey);
  }

  @Override
  public Judging judging(Peer peer, TaskId task, Act act) {
    return agents().judging(peer, task, act);
  }

  @Override
  public boolean judgesFromMemory() {
    AgentRequests there = agents;
    return there != null && there.judgesFromMemory();
  }

  @Override
  public Held release(Peer peer, TaskId task, CredentialId credential, Duration within) {
    return agents().release(peer, task, credential, within);
  }

  @Override
  public TaskId meant(Peer peer, Optional<TaskId> named) {
    return proxies().meant(peer, named);
  }

  @Override
  public Use use(Peer peer, TaskId task, Act act) {
    return proxies().use(peer, task, act);
  }

  @Override
  public Use look(Peer peer, TaskId task, Act act) {
    return proxies().look(peer, task, act);
  }

  @Override
  public void refused(Peer peer, Optional<TaskId> task, Fault fault) {
    ProxyRequests there = proxies;
    if (there != null) { // otherwise there is nobody to record it yet, or any more
      there.refused(peer, task, fault);
    }
  }

  @Override
  public List<Decision> foresee(Peer peer, TaskId task, List<Act> acts) {
    return proxies().foresee(peer, task, acts);
  }

  @Override
  public Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId task, List<Act> acts) {
    ProxyRequests there = proxies;
    return there == null ? Optional.empty() : there.foreseeUnasked(peer, task, acts);
  }

  @Override
  public boolean decidesHere() {
    ProxyRequests there = proxies;
    return there != null && there.decidesHere();
  }

  @Override
  public Optional<Standing> standing(TaskId task) {
    ProxyRequests there = proxies;
    return there == null ? Optional.empty() : there.standing(task);
  }

  @Override
  public List<TaskView> list(
      Operator operator, Optional<SpiffeId> agent, boolean ended, int limit) {
    return operators().list(operator, agent, ended, limit);
  }

  @Override
  public Revoked revoke(Operator operator, Named named, String reason, Duration within) {
    return operators().revoke(operator, named, reason, within);
  }

  @Override
  public Stopped kill(Operator operator, SpiffeId agent, String reason, Duration within) {
    return operators().kill(operator, agent, reason, within);
  }

  @Override
  public Restoration restore(Operator operator, SpiffeId agent, String reason, Duration within) {
    return operators().restore(operator, agent, reason, within);
  }

  @Override
  public List<Killed> killed(Operator operator) {
    return operators().killed(operator);
  }

  @Override
  public List<AuditEvent.ReceiptSigned> receipts(Operator operator, TaskId task, int most) {
    return operators().receipts(operator, task, most);
  }

  @Override
  public List<ApprovalRequest> waiting(Approver approver) {
    return operators().waiting(approver);
  }

  @Override
  public ApprovalRequest approve(
      Approver approver, DecisionId asked, Duration validFor, String reason) {
    return operators().approve(approver, asked, validFor, reason);
  }

  @Override
  public void reject(Approver approver, DecisionId asked, String reason) {
    operators().reject(approver, asked, reason);
  }

  @Override
  public Status status(Operator operator) {
    OperatorRequests there = operators;
    if (there != null) {
      return there.status(operator);
    }
    Vitals now = vitals.get();
    return new Status(
        now.version(),
        now.spiffeId(),
        now.svidExpiresAt(),
        now.uptime(),
        new Status.Counts(0, 0, 0, 0),
        now.dependencies(),
        now.policy(),
        Map.of());
  }

  /** Whether {@link #stop} was called. */
  boolean isStopping() {
    return stopping;
  }
}
