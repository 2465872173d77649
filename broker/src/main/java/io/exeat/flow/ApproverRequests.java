package io.exeat.flow;

import io.exeat.approve.ApprovalRequest;
import io.exeat.base.DecisionId;
import java.time.Duration;
import java.util.List;

/** What people ask who say yes or no; the promises are those of {@code exeat/v1/approval.proto}. */
public interface ApproverRequests {
  /** What waits for anybody's yes, or has it and was not used: of what concerns the caller. */
  List<ApprovalRequest> waiting(Approver approver);

  /**
   * Says yes, once, to exactly the call that the decision asked for. On record when this returns.
   *
   * @param validFor how long the yes is good for
   */
  ApprovalRequest approve(Approver approver, DecisionId asked, Duration validFor, String reason);

  /** Says no, which the agent is told. */
  void reject(Approver approver, DecisionId asked, String reason);
}
