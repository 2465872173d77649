package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Issued;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.ReleaseResponse;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.function.Consumer;

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
          send(
              flow.issue(caller.peer(), ask.task(), ask.grant(), ask.epoch(), ask.idempotencyKey()),
              answer);
        });
  }

  /**
   * The secret is lent to the message, not copied into it. gRPC writes a message into its own
   * buffers before {@code onNext} returns, so nothing reads the lent bytes afterwards.
   */
  private static void send(Issued issued, Consumer<Credential> answer) {
    SecretBytes secret = issued.secret();
    boolean sent;
    try {
      sent =
          secret.read(bytes -> {
            answer.accept(ToProto.credential(issued, bytes));
            return true;
          });
    } catch (IllegalStateException gone) {
      sent = false;
    }
    if (!sent) {
      // Zeroed since: the epoch was closed in between.
      var epoch = issued.credential().epoch();
      throw new FaultException(
          new Fault.EpochClosed(epoch.task(), epoch.number(), epoch.next().number()));
    }
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
