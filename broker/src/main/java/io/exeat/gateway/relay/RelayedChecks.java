package io.exeat.gateway.relay;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.gateway.grpc.Caller;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A stream of checks on its way: each of its messages is one Check at the broker, by an agent that
 * is attested again for it. One at a time, and none while the agent does not read its answers.
 */
final class RelayedChecks extends ServerCall.Listener<byte[]> {

  private final ServerCall<byte[], byte[]> agentSide;
  private final Metadata forwarded;
  private final Attestor attestor;
  private final Links links;
  private final Caller caller = Caller.current();
  private boolean begun;
  private boolean over;
  private boolean owes;

  RelayedChecks(
      ServerCall<byte[], byte[]> agentSide, Metadata asked, Attestor attestor, Links links) {
    this.agentSide = agentSide;
    this.forwarded = Passing.forward(asked);
    this.attestor = attestor;
    this.links = links;
  }

  RelayedChecks begin() {
    agentSide.request(1);
    return this;
  }

  @Override
  public void onMessage(byte[] message) {
    if (over) {
      return;
    }
    byte[] answer;
    try {
      answer = ask(message);
    } catch (StatusRuntimeException e) {
      refuse(e);
      return;
    }
    if (!begun) {
      begun = true;
      agentSide.sendHeaders(new Metadata());
    }
    agentSide.sendMessage(answer);
    owes = true;
    onReady();
  }

  private byte[] ask(byte[] message) {
    TaskId task = Method.CHECK_ALL.task(message).orElseThrow();
    Agent agent = attestor.attest(caller.peer());
    Link link = links.use(agent);
    try {
      Ownership.require(links, link, task);
      caller.connection().attested().set(true);
      return answer(link.start(channel -> send(channel, message)));
    } finally {
      links.leave(link);
    }
  }

  private Future<byte[]> send(Channel broker, byte[] message) {
    Channel named =
        ClientInterceptors.intercept(broker, MetadataUtils.newAttachHeadersInterceptor(forwarded));
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(Ownership.ASK_SECONDS, TimeUnit.SECONDS);
    return ClientCalls.futureUnaryCall(named.newCall(Method.CHECK.descriptor(), options), message);
  }

  private static byte[] answer(Future<byte[]> coming) {
    try {
      return coming.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof StatusRuntimeException refused
          ? refused
          : Status.UNAVAILABLE.withCause(e.getCause()).asRuntimeException();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      coming.cancel(true);
      throw Status.CANCELLED.withCause(e).asRuntimeException();
    }
  }

  /** What the broker itself said goes through; where it said nothing, the agent is told so. */
  private void refuse(StatusRuntimeException e) {
    over = true;
    Metadata trailers = e.getTrailers() == null ? new Metadata() : e.getTrailers();
    if (!Passing.isAnswer(trailers)) {
      throw notAnswered(e);
    }
    agentSide.close(e.getStatus(), Passing.back(trailers));
  }

  private static FaultException notAnswered(StatusRuntimeException e) {
    return Ownership.away(e.getStatus());
  }

  @Override
  public void onReady() {
    if (owes && agentSide.isReady()) {
      owes = false;
      agentSide.request(1);
    }
  }

  @Override
  public void onHalfClose() {
    if (!over) {
      over = true;
      agentSide.close(Status.OK, new Metadata());
    }
  }

  @Override
  public void onCancel() {
    over = true;
  }
}
