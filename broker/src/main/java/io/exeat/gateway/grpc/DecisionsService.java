package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Judged;
import io.exeat.flow.Judging;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.DecisionsGrpc;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/** {@code exeat.v1.Decisions}. */
final class DecisionsService extends DecisionsGrpc.DecisionsImplBase {
  private static final Duration AGAIN = Duration.ofMillis(100);

  /** Bytes of a question that is read and hashed in so little time that an event loop can do it. */
  private static final int BRIEF = 4 << 10;

  /** So many are decided on event loops and wait for their records: the loops have others. */
  private static final int MOST_AT_ONCE = 64;

  private final AtomicInteger underWay = new AtomicInteger();
  private final AgentRequests flow;

  DecisionsService(AgentRequests flow) {
    this.flow = flow;
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> observer) {
    boolean inLoop = Caller.current().connection().loop().inEventLoop();
    if (inLoop && (request.getSerializedSize() > BRIEF || underWay.get() >= MOST_AT_ONCE)) {
      var _ =
          Thread.ofVirtual()
              .name("check")
              .start(Context.current().wrap(() -> decide(request, observer, () -> {})));
    } else {
      if (inLoop) {
        underWay.incrementAndGet();
      }
      decide(request, observer, inLoop ? underWay::decrementAndGet : () -> {});
    }
  }

  private void decide(CheckRequest request, StreamObserver<CheckResponse> observer, Runnable over) {
    Recorded.serve(
        observer, caller -> judging(caller, request), judging -> answer(judging.await()), over);
  }

  @Override
  public StreamObserver<CheckRequest> checkAll(StreamObserver<CheckResponse> observer) {
    Caller caller = Caller.current();
    return new CheckStream(
        caller,
        (ServerCallStreamObserver<CheckResponse>) observer,
        request -> judging(caller, request));
  }

  private Judging judging(Caller caller, CheckRequest request) {
    Ask.Check asked = Ask.Check.of(request);
    Judging judging = flow.judging(caller.peer(), asked.task(), asked.act());
    judging.outOfSight();
    return judging;
  }

  static CheckResponse answer(Judged judged) {
    CheckResponse.Builder answer =
        CheckResponse.newBuilder()
            .setDecisionId(judged.id().value())
            .setPolicySha256(judged.decision().policy());
    judged.decision().because().stream().map(Reason::toString).forEach(answer::addBecause);
    switch (judged.decision()) {
      case Decision.Permit _ -> answer.setVerdict(Verdict.VERDICT_PERMIT);
      case Decision.Ask it ->
          answer
              .setVerdict(Verdict.VERDICT_ASK)
              .setReason(
                  "needs the approval of %s; ask again once exeat approval approve %s has said yes"
                      .formatted(String.join(" and ", it.approvers()), judged.id()))
              .addAllApprovers(it.approvers());
      case Decision.Deny it -> answer.setVerdict(Verdict.VERDICT_DENY).setReason(it.reason());
      case Decision.Failed it ->
          throw new FaultException(
              new Fault.Unavailable(Fault.Dependency.POLICY, it.problem(), AGAIN));
    }
    return answer.build();
  }
}
