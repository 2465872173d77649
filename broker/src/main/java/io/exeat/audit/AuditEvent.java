package io.exeat.audit;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.approve.Approval;
import io.exeat.approve.Call;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.policy.Answer;
import io.exeat.policy.Reason;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What can happen. A record of the chain is one of these, with its position, time and request. */
public sealed interface AuditEvent {
  /** The name that it has in the chain, such as {@code task.opened}. */
  default String kind() {
    return switch (this) {
      case BrokerStarted _ -> "broker.started";
      case BrokerStopped _ -> "broker.stopped";
      case TaskOpened _ -> "task.opened";
      case Refused _ -> "call.refused";
      case RefusalsSkipped _ -> "call.refusals-skipped";
      case Decided _ -> "policy.decided";
      case Answered _ -> "act.answered";
      case CredentialIssued _ -> "credential.issued";
      case EpochClosed _ -> "epoch.closed";
      case EpochOpened _ -> "epoch.opened";
      case TaskEnding _ -> "task.ending";
      case CannotBeRecalled _ -> "credential.cannot-be-recalled";
      case CredentialDead _ -> "credential.dead";
      case EpochDead _ -> "epoch.dead";
      case TaskEnded _ -> "task.ended";
      case RevocationOverdue _ -> "revocation.overdue";
      case OperatorActed _ -> "operator.acted";
      case PolicyTaken _ -> "policy.taken";
      case PolicyRefused _ -> "policy.refused";
      case ReceiptSigned _ -> "receipt.signed";
      case Approved _ -> "approval.given";
      case ApprovalUsed _ -> "approval.used";
    };
  }

  /**
   * @param journalled epochs found unsettled in the journal
   */
  record BrokerStarted(String version, String spiffeId, int journalled) implements AuditEvent {}

  record BrokerStopped(String reason) implements AuditEvent {}

  record TaskOpened(Task task) implements AuditEvent {}

  /**
   * A call was refused.
   *
   * @param caller who it was, as far as attested: a SPIFFE ID, or the peer's uid and pid
   */
  record Refused(String method, String caller, Optional<TaskId> task, Fault fault)
      implements AuditEvent {}

  /** Refusals that came faster than they could be written, or while the disk was away. */
  record RefusalsSkipped(long count) implements AuditEvent {}

  /**
   * Policy was asked: before the act when it was permitted. An act on several grants is several
   * questions, and is done only when all are permitted.
   *
   * @param agent its SPIFFE ID
   */
  record Decided(DecisionId decision, TaskId task, String agent, List<Answer> answers)
      implements AuditEvent {
    public Decided {
      answers = List.copyOf(answers);
    }
  }

  /**
   * An act that a proxy did in the agent's place has been answered.
   *
   * @param decision that permitted it
   * @param sha256 of the result or error as the agent gets it, as canonical JSON, in hex
   */
  record Answered(DecisionId decision, TaskId task, String sha256) implements AuditEvent {}

  /**
   * @param decision that permitted it
   */
  record CredentialIssued(Held credential, String agent, DecisionId decision)
      implements AuditEvent {}

  /** The epoch is closed: its calls are refused from here on. */
  record EpochClosed(Epoch epoch, Set<String> nextScope) implements AuditEvent {}

  record EpochOpened(Task task) implements AuditEvent {}

  record TaskEnding(TaskId task, EndCause cause, String note) implements AuditEvent {}

  /**
   * Its end was asked for, and nobody can take it back: it works until it expires.
   *
   * @param cause why its end was asked for, as a receipt has it
   */
  record CannotBeRecalled(Held credential, String cause) implements AuditEvent {}

  /**
   * @param checks what was looked at, and what was seen
   */
  record CredentialDead(Held credential, List<String> checks) implements AuditEvent {}

  /** Everything that the epoch could have is proven dead. */
  record EpochDead(Epoch epoch, List<String> checks) implements AuditEvent {}

  /** Something of the epoch is not proven dead for so long. */
  record RevocationOverdue(Epoch epoch, Duration after, String reason) implements AuditEvent {}

  record TaskEnded(Task task) implements AuditEvent {}

  record OperatorActed(String operator, String action, String what, String reason)
      implements AuditEvent {}

  /**
   * The receipt of something that has ended.
   *
   * @param credential empty for the receipt of the whole epoch
   * @param jws the signed receipt, in characters of base64url and dots
   */
  record ReceiptSigned(Epoch epoch, Optional<CredentialId> credential, String agent, String jws)
      implements AuditEvent {}

  /**
   * A person said yes to a call, before it counted.
   *
   * @param asked the decision that asked for it
   * @param questions what the person was shown
   * @param because the policies that ask
   */
  record Approved(
      DecisionId asked,
      String task,
      Call call,
      List<ObjectNode> questions,
      List<Reason> because,
      Approval approval,
      String reason)
      implements AuditEvent {
    public Approved {
      questions = List.copyOf(questions);
      because = List.copyOf(because);
    }
  }

  /**
   * What people said yes to is permitted, this once.
   *
   * @param asked the decision that asked them
   * @param decision the one that permits it
   */
  record ApprovalUsed(DecisionId asked, DecisionId decision, TaskId task, String call)
      implements AuditEvent {}

  /**
   * Policies are in force from now on.
   *
   * @param source where they came from, for people
   */
  record PolicyTaken(String sha256, String source) implements AuditEvent {}

  /**
   * Policies could not be taken; those before stay in force, or nothing is permitted.
   *
   * @param problem which of the two, and why, for people
   */
  record PolicyRefused(String problem) implements AuditEvent {}
}
