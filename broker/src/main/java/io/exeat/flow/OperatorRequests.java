package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.base.TaskId;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What operators ask; the promises are those of {@code exeat/v1/admin.proto}. Their doors serve
 * approvers too.
 */
public interface OperatorRequests extends ApproverRequests {
  /** Newest first. */
  List<TaskView> list(Operator operator, Optional<SpiffeId> agent, boolean ended, int limit);

  /**
   * Ends what is named; always accepted. Returns within {@code within} with what is proven until
   * then.
   */
  Revoked revoke(Operator operator, Named named, String reason, Duration within);

  /**
   * Stops the agent: everything of it ends, Vault refuses it, and it gets no task until it is
   * restored. Always accepted for an agent that is known here.
   */
  Stopped kill(Operator operator, SpiffeId agent, String reason, Duration within);

  /** Asks for the agent's restoration, which takes two different operators with SVIDs. */
  Restoration restore(Operator operator, SpiffeId agent, String reason, Duration within);

  /** The agents that are stopped. */
  List<Killed> killed(Operator operator);

  /**
   * The receipts of what the task held, oldest first, the latest {@code most}; from the audit
   * chain, so of forgotten tasks too.
   */
  List<AuditEvent.ReceiptSigned> receipts(Operator operator, TaskId task, int most);

  Status status(Operator operator);
}
