package io.exeat.approve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.DecisionId;
import io.exeat.policy.Reason;
import java.time.Instant;
import java.util.List;

/**
 * A call that waits for people.
 *
 * @param id of the first decision that asked for it
 * @param task that the call is of; of an opening, the one that it would have been
 * @param questions the whole call, as policy was asked about it first
 * @param because the policies that ask
 * @param approvers whose yes it needs, all of them, sorted
 * @param approvals those that it has
 * @param voidAt when it is forgotten unless it was used
 */
public record ApprovalRequest(
    DecisionId id,
    String task,
    Call call,
    List<ObjectNode> questions,
    List<Reason> because,
    List<String> approvers,
    List<Approval> approvals,
    Instant askedAt,
    Instant voidAt) {
  public ApprovalRequest {
    questions = List.copyOf(questions);
    because = List.copyOf(because);
    approvers = List.copyOf(approvers);
    approvals = List.copyOf(approvals);
  }

  /** Whether it is about opening a task. */
  public boolean isOpening() {
    return Call.isOpening(questions);
  }

  /** Whose yes is still missing. */
  public List<String> missing() {
    return approvers.stream()
        .filter(word -> approvals.stream().noneMatch(it -> it.as().equals(word)))
        .toList();
  }
}
