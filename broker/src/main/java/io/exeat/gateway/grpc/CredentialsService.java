package io.exeat.gateway.grpc;

import io.exeat.flow.AgentRequests;
import io.exeat.flow.Issued;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.ReleaseResponse;
import io.grpc.stub.StreamObserver;
import java.time.Duration;

/** {@code exeat.v1.Credentials}. */
final class CredentialsService extends CredentialsGrpc.CredentialsImplBase {

  /** {@code credential.proto}: how long Release waits for the proof. */
  private static final Duration RELEASE_WITHIN = Duration.ofSeconds(10);

  private final AgentRequests flow;

  CredentialsService(AgentRequests flow) {
    this.flow = flow;
  }

  @Override
  public void issue(IssueRequest request, StreamObserver<Credential> observer) {
    Unary.serve(
        observer,
        (caller, answer) -> {
          Ask.Issue ask = Ask.Issue.of(request);
          Issued issued =
              flow.issue(caller.peer(), ask.task(), ask.grant(), ask.epoch(), ask.idempotencyKey());
          Secrets.lend(issued, bytes -> ToProto.credential(issued, bytes), answer);
        });
  }

  @Override
  public void release(ReleaseRequest request, StreamObserver<ReleaseResponse> observer) {
    Unary.serve(
        observer,
        caller -> {
          Ask.Release ask = Ask.Release.of(request);
          return ToProto.released(
              flow.release(
                  caller.peer(), ask.task(), ask.credential(), Unary.within(RELEASE_WITHIN)));
        });
  }
}
