package io.exeat.flow;

import io.exeat.approve.Approval;
import io.exeat.approve.ApprovalRequest;
import io.exeat.approve.Approvals;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.task.Tasks;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What people say to the calls that wait for them. {@code operator} is every operator's word,
 * {@code owner} that of whom the catalogue names for the agent; an agent never speaks for itself.
 */
final class Approving implements ApproverRequests {
  private static final String OWNER = "owner";
  private static final String OPERATOR = "operator";

  private final Tasks tasks;
  private final Ceiling ceiling;
  private final Kills kills;
  private final AuditSink audit;
  private final Time time;
  private final Approvals approvals;

  Approving(Tasks tasks, Ceiling ceiling, Kills kills, AuditSink audit, Time time) {
    this.tasks = tasks;
    this.ceiling = ceiling;
    this.kills = kills;
    this.audit = audit;
    this.time = time;
    this.approvals = new Approvals(time);
  }

  Approvals approvals() {
    return approvals;
  }

  /** Nothing that an agent asked for is good for what it may do after it was stopped. */
  void forget(SpiffeId agent) {
    approvals.forget(it -> it.call().agent().equals(agent.toString()));
  }

  /** Whether what was said still counts: an owner's yes, while the catalogue names that person. */
  boolean counts(String agent, Approval yes) {
    return !yes.as().equals(OWNER) || ceiling.isApprover(SpiffeId.parse(agent), yes.by());
  }

  /** Why nobody can say what is asked for; empty when somebody can. */
  Optional<String> nobodyCan(String agent, List<String> words) {
    for (String word : words) {
      if (!word.equals(OWNER) && !word.equals(OPERATOR)) {
        return Optional.of(
            "policy asks for the yes of '%s', which is nobody's; there are owner and operator"
                .formatted(word));
      }
    }
    return words.contains(OWNER) && !ceiling.hasApprovers(SpiffeId.parse(agent))
        ? Optional.of("policy asks for its owner's yes, and the catalogue names no approvers of it")
        : Optional.empty();
  }

  @Override
  public List<ApprovalRequest> waiting(Approver approver) {
    approvals.forget(this::isMoot);
    return approvals.waiting().stream()
        .filter(it -> approver.isOperator() || speaksAsOwner(approver, it))
        .toList();
  }

  @Override
  public ApprovalRequest approve(
      Approver approver, DecisionId asked, Duration validFor, String reason) {
    ApprovalRequest request = concerning(approver, asked);
    String as = word(approver, request);
    Approval yes = new Approval(as, approver.who(), time.now(), time.now().plus(validFor));
    long end = time.after(validFor);
    audit.record(
        new AuditEvent.Approved(
            request.id(),
            request.task(),
            request.call(),
            request.questions(),
            request.because(),
            yes,
            reason));
    return approvals.approve(asked, yes, end);
  }

  @Override
  public void reject(Approver approver, DecisionId asked, String reason) {
    ApprovalRequest request = concerning(approver, asked);
    audit.recordEnding(
        new AuditEvent.OperatorActed(
            approver.who(), "reject", request.id() + " of " + request.call().agent(), reason));
    approvals.reject(asked, approver.who() + " said no: " + reason);
  }

  /** What does not concern the caller is as unknown to it as what is not there. */
  private ApprovalRequest concerning(Approver approver, DecisionId asked) {
    approvals.forget(this::isMoot);
    ApprovalRequest request = approvals.find(asked);
    if (approver.isOperator() || speaksAsOwner(approver, request)) {
      return request;
    }
    throw new FaultException(new Fault.NoSuchApproval(asked));
  }

  /** Whether its task is over, or has another scope by now. */
  private boolean isMoot(ApprovalRequest request) {
    long epoch = request.questions().getFirst().at("/task/epoch").asLong();
    return !request.isOpening()
        && tasks
            .find(new TaskId(request.task()))
            .map(task -> task.end().isPresent() || task.epoch().number() > epoch)
            .orElse(true);
  }

  /** Whose yes it is, of those that are missing. */
  private String word(Approver approver, ApprovalRequest request) {
    String uid = "uid " + request.questions().getFirst().at("/agent/attestation/uid").asText();
    if (approver.svid().flatMap(ceiling::name).isPresent() || approver.who().equals(uid)) {
      throw denied("an agent approves nothing, neither its own nor another's; nor does its uid");
    }
    if (kills.isStopped(SpiffeId.parse(request.call().agent()))) {
      throw denied("the agent is stopped; restore it first, then have it ask again");
    }
    if (request.approvers().size() > 1 && approver.svid().isEmpty()) {
      throw denied(
          "it needs two people, each over mTLS with an SVID of its own; a uid names no person");
    }
    if (request.approvals().stream().anyMatch(yes -> yes.by().equals(approver.who()))) {
      throw denied("the caller has said yes to it already; what is missing, others have to say");
    }
    List<String> missing = request.missing();
    if (missing.contains(OWNER) && speaksAsOwner(approver, request)) {
      return OWNER;
    }
    if (missing.contains(OPERATOR) && approver.isOperator()) {
      return OPERATOR;
    }
    throw denied(
        missing.isEmpty()
            ? "it has every yes that it needs"
            : "the caller's yes is not what is missing, which is that of "
                + String.join(" and ", missing)
                + "; the owner's is said by whom the catalogue names in the agent's approvers");
  }

  private boolean speaksAsOwner(Approver approver, ApprovalRequest request) {
    return ceiling.isApprover(SpiffeId.parse(request.call().agent()), approver.who());
  }

  private static FaultException denied(String reason) {
    return new FaultException(new Fault.Denied(reason));
  }
}
