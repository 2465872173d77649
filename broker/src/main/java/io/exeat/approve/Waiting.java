package io.exeat.approve;

import io.exeat.base.DecisionId;
import io.exeat.base.Time;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A request, with the points on the monotonic clock at which its parts are void. */
final class Waiting {
  /** Decisions that one request is known by. */
  private static final int NAMES = 32;

  private final Deque<DecisionId> names = new ArrayDeque<>();
  private final Map<String, Long> ends = new HashMap<>();
  private final Stages stages;
  private final long voidAt;
  private ApprovalRequest request;

  /**
   * @param request as it is, with what of it was said already
   */
  Waiting(Stages stages, ApprovalRequest request, long voidAt) {
    this.stages = stages;
    this.request = with(request, request.approvers(), request.approvals());
    this.voidAt = voidAt;
  }

  ApprovalRequest request() {
    return request;
  }

  Stages stages() {
    return stages;
  }

  /** This decision asks for it too. */
  void name(DecisionId id) {
    names.addLast(id);
    if (names.size() > NAMES) {
      names.removeFirst();
    }
  }

  boolean isNamed(DecisionId id) {
    return request.id().equals(id) || names.contains(id);
  }

  /** What was said to {@code before} is void when it would have been. */
  void endAs(Waiting before) {
    ends.putAll(before.ends);
  }

  /** These are all that was said; the one as {@code word} is void at {@code end}. */
  void said(List<Approval> approvals, String word, long end) {
    ends.put(word, end);
    request = with(request, request.approvers(), approvals);
  }

  boolean isVoid(Time time) {
    return time.reached(voidAt);
  }

  /** Forgets what was said too long ago. */
  void tidy(Time time) {
    if (ends.values().removeIf(time::reached)) {
      List<Approval> left =
          request.approvals().stream().filter(yes -> ends.containsKey(yes.as())).toList();
      request = with(request, request.approvers(), left);
    }
  }

  /** Two that are needed are two people's, and a uid names no person. */
  static ApprovalRequest with(
      ApprovalRequest it, List<String> approvers, List<Approval> approvals) {
    return new ApprovalRequest(
        it.id(),
        it.task(),
        it.call(),
        it.questions(),
        it.because(),
        approvers,
        approvals.stream()
            .filter(yes -> approvers.size() < 2 || yes.by().startsWith("spiffe://"))
            .toList(),
        it.askedAt(),
        it.voidAt());
  }
}
