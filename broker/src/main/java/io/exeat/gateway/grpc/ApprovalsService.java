package io.exeat.gateway.grpc;

import com.google.protobuf.Timestamp;
import io.exeat.approve.Approval;
import io.exeat.base.DecisionId;
import io.exeat.flow.ApproverRequests;
import io.exeat.policy.Reason;
import io.exeat.v1.ApprovalRequest;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.ApproveResponse;
import io.exeat.v1.RejectRequest;
import io.exeat.v1.RejectResponse;
import io.exeat.v1.WaitingRequest;
import io.exeat.v1.WaitingResponse;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.time.Instant;

/** {@code exeat.v1.Approvals}, for those that {@link Approvers} knows. */
final class ApprovalsService extends ApprovalsGrpc.ApprovalsImplBase {

  /** {@code approval.proto}: how much an answer holds. */
  private static final int MOST_BYTES = 2 << 20;

  private final ApproverRequests flow;
  private final Approvers approvers;

  ApprovalsService(ApproverRequests flow, Approvers approvers) {
    this.flow = flow;
    this.approvers = approvers;
  }

  @Override
  public void waiting(WaitingRequest request, StreamObserver<WaitingResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          WaitingResponse.Builder answer = WaitingResponse.newBuilder();
          int bytes = 0;
          for (var each : flow.waiting(approvers.of(caller.peer()))) {
            ApprovalRequest waiting = toProto(each);
            bytes += waiting.getSerializedSize();
            if (bytes > MOST_BYTES) {
              answer.setMore(true);
              break;
            }
            answer.addRequests(waiting);
          }
          return answer.build();
        });
  }

  @Override
  public void approve(ApproveRequest request, StreamObserver<ApproveResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          DecisionId asked = new DecisionId(request.getDecisionId());
          Duration validFor = Parse.validFor(request);
          String reason = Parse.reasonGiven(request.getReason());
          return ApproveResponse.newBuilder()
              .setRequest(
                  toProto(flow.approve(approvers.of(caller.peer()), asked, validFor, reason)))
              .build();
        });
  }

  @Override
  public void reject(RejectRequest request, StreamObserver<RejectResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          DecisionId asked = new DecisionId(request.getDecisionId());
          String reason = Parse.reasonGiven(request.getReason());
          flow.reject(approvers.of(caller.peer()), asked, reason);
          return RejectResponse.getDefaultInstance();
        });
  }

  private static ApprovalRequest toProto(io.exeat.approve.ApprovalRequest from) {
    ApprovalRequest.Builder request =
        ApprovalRequest.newBuilder()
            .setDecisionId(from.id().value())
            .setAgent(from.call().agent())
            .setTaskId(from.isOpening() ? "" : from.task())
            .addAllApprovers(from.approvers())
            .addAllMissing(from.missing())
            .setAskedAt(timestamp(from.askedAt()))
            .setVoidAt(timestamp(from.voidAt()))
            .setCallSha256(from.call().sha256())
            .setPolicySha256(from.call().policy());
    from.questions().forEach(question -> request.addQuestionsJson(question.toString()));
    from.because().stream().map(Reason::toString).forEach(request::addBecause);
    for (Approval yes : from.approvals()) {
      request.addApprovals(
          io.exeat.v1.Approval.newBuilder()
              .setAs(yes.as())
              .setBy(yes.by())
              .setAt(timestamp(yes.at()))
              .setValidUntil(timestamp(yes.validUntil())));
    }
    return request.build();
  }

  private static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }
}
