package io.exeat.gateway.grpc;

import io.exeat.flow.Named;
import io.exeat.flow.Operator;
import io.exeat.flow.OperatorRequests;
import io.exeat.flow.TaskView;
import io.exeat.identity.SpiffeIds;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.KillRequest;
import io.exeat.v1.KillResponse;
import io.exeat.v1.KillsRequest;
import io.exeat.v1.KillsResponse;
import io.exeat.v1.ListRequest;
import io.exeat.v1.ListResponse;
import io.exeat.v1.ReceiptsRequest;
import io.exeat.v1.ReceiptsResponse;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.RevokeResponse;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.StatusResponse;
import io.exeat.v1.UnkillRequest;
import io.exeat.v1.UnkillResponse;
import io.grpc.stub.StreamObserver;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;

/** {@code exeat.v1.Admin}, for those that {@link Operators} knows. */
final class AdminService extends AdminGrpc.AdminImplBase {

  /** {@code admin.proto}: how long Revoke waits for the proof. */
  private static final Duration REVOKE_WITHIN = Duration.ofSeconds(30);

  private final OperatorRequests flow;
  private final Operators operators;

  AdminService(OperatorRequests flow, Operators operators) {
    this.flow = flow;
    this.operators = operators;
  }

  @Override
  public void list(ListRequest request, StreamObserver<ListResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Operator operator = operators.require(caller.peer());
          int limit = Parse.limit(request.getLimit());
          // One more than asked for tells whether there are more.
          List<TaskView> found =
              flow.list(operator, Parse.agentOrAll(request), request.getIncludeEnded(), limit + 1);
          return ListResponse.newBuilder()
              .addAllTasks(found.stream().limit(limit).map(ToProto::task).toList())
              .setMore(found.size() > limit)
              .build();
        });
  }

  @Override
  public void revoke(RevokeRequest request, StreamObserver<RevokeResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Operator operator = operators.require(caller.peer());
          Named named = Parse.named(request);
          String reason = Parse.reason(request);
          return ToProto.revoked(flow.revoke(operator, named, reason, Unary.within(REVOKE_WITHIN)));
        });
  }

  @Override
  public void kill(KillRequest request, StreamObserver<KillResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Operator operator = operators.require(caller.peer());
          SpiffeId agent = SpiffeIds.parseWorkload("agent", request.getAgent());
          String reason = Parse.reasonGiven(request.getReason());
          return ToProto.stopped(flow.kill(operator, agent, reason, Unary.within(REVOKE_WITHIN)));
        });
  }

  @Override
  public void unkill(UnkillRequest request, StreamObserver<UnkillResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Operator operator = operators.require(caller.peer());
          SpiffeId agent = SpiffeIds.parseWorkload("agent", request.getAgent());
          String reason = Parse.reasonGiven(request.getReason());
          return ToProto.restoration(
              flow.restore(operator, agent, reason, Unary.within(REVOKE_WITHIN)));
        });
  }

  @Override
  public void kills(KillsRequest request, StreamObserver<KillsResponse> observer) {
    Unary.serve(
        observer,
        caller ->
            KillsResponse.newBuilder()
                .addAllKills(
                    flow.killed(operators.require(caller.peer())).stream()
                        .map(ToProto::killed)
                        .toList())
                .build());
  }

  @Override
  public void receipts(ReceiptsRequest request, StreamObserver<ReceiptsResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Operator operator = operators.require(caller.peer());
          return ReceiptsResponse.newBuilder()
              .addAllReceipts(
                  flow
                      .receipts(
                          operator,
                          Parse.task(request.getTaskId()),
                          Parse.limit(request.getLimit()))
                      .stream()
                      .map(ToProto::receipt)
                      .toList())
              .build();
        });
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> observer) {
    Unary.serve(
        observer, caller -> StatusToProto.status(flow.status(operators.require(caller.peer()))));
  }
}
