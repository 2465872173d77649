package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Allowed;
import io.exeat.flow.Judged;
import io.exeat.gateway.Faults;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.DecisionsGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;

/** {@code exeat.v1.Decisions}. */
final class DecisionsService extends DecisionsGrpc.DecisionsImplBase {
  private static final Duration AGAIN = Duration.ofMillis(100);

  private final AgentRequests flow;

  DecisionsService(AgentRequests flow) {
    this.flow = flow;
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> observer) {
    Unary.serve(observer, caller -> answer(caller, request));
  }

  /** One at a time: the next is asked for when this one is answered, and its answer is read. */
  @Override
  public StreamObserver<CheckRequest> checkAll(StreamObserver<CheckResponse> observer) {
    Checks checks = new Checks((ServerCallStreamObserver<CheckResponse>) observer);
    checks.begin();
    return checks;
  }

  private final class Checks implements StreamObserver<CheckRequest> {
    private final Caller caller = Caller.current();
    private final ServerCallStreamObserver<CheckResponse> answers;
    private boolean over;
    private boolean owes;

    Checks(ServerCallStreamObserver<CheckResponse> answers) {
      this.answers = answers;
    }

    void begin() {
      answers.disableAutoRequest();
      answers.setOnReadyHandler(this::next);
      answers.request(1);
    }

    private void next() {
      if (owes && answers.isReady()) {
        owes = false;
        answers.request(1);
      }
    }

    @Override
    public void onNext(CheckRequest request) {
      if (over) {
        return;
      }
      try {
        answers.onNext(InRequest.call(caller.request(), () -> answer(caller, request)));
        caller.connection().attested().set(true);
        owes = true;
        next();
      } catch (RuntimeException e) {
        over = true;
        answers.onError(Faults.answer(caller.request(), e));
      }
    }

    @Override
    public void onError(Throwable gone) {
      over = true;
    }

    @Override
    public void onCompleted() {
      if (!over) {
        over = true;
        answers.onCompleted();
      }
    }
  }

  private CheckResponse answer(Caller caller, CheckRequest request) {
    Ask.Check asked = Ask.Check.of(request);
    Judged judged = flow.judge(caller.peer(), asked.task(), asked.act());
    // Who asks here does the act out of our sight: it is not known to be under way.
    judged.allowed().ifPresent(Allowed::done);
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
