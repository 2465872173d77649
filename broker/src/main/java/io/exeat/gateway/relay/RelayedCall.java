package io.exeat.gateway.relay;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.gateway.Faults;
import io.exeat.gateway.grpc.Caller;
import io.exeat.v1.Task;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One call on its way to the broker and back. */
final class RelayedCall extends ServerCall.Listener<byte[]> {

  private final Method method;
  private final ServerCall<byte[], byte[]> agentSide;
  private final Metadata asked;
  private final Attestor attestor;
  private final Links links;
  private final Caller caller = Caller.current();
  private final AtomicBoolean left = new AtomicBoolean();
  private byte @Nullable [] request;
  private volatile @Nullable ClientCall<byte[], byte[]> brokerSide;
  private volatile boolean owes;

  RelayedCall(
      Method method,
      ServerCall<byte[], byte[]> agentSide,
      Metadata asked,
      Attestor attestor,
      Links links) {
    this.method = method;
    this.agentSide = agentSide;
    this.asked = asked;
    this.attestor = attestor;
    this.links = links;
  }

  RelayedCall begin() {
    agentSide.request(2); // one message and, against a second one, the sight of it
    return this;
  }

  @Override
  public void onMessage(byte[] message) {
    if (request != null) {
      throw new FaultException(new Fault.Malformed("message", "must be one"));
    }
    request = message;
  }

  @Override
  public void onHalfClose() {
    byte[] message = request;
    if (message == null) {
      throw new FaultException(new Fault.Malformed("message", "must be one"));
    }
    Optional<TaskId> task = method.task(message);
    Agent agent = attestor.attest(caller.peer());
    Link link = links.use(agent);
    try {
      task.ifPresent(named -> Ownership.require(links, link, named));
      caller.connection().attested().set(true);
      send(new Back(link, task, message), message);
    } catch (RuntimeException e) {
      leave(link);
      throw e;
    }
  }

  /** Once: nothing of this call needs the link any more. */
  private void leave(Link link) {
    if (!left.getAndSet(true)) {
      links.leave(link);
    }
  }

  private void send(Back back, byte[] message) {
    ClientCall<byte[], byte[]> sent =
        back.link.start(channel -> {
          ClientCall<byte[], byte[]> call = newCall(channel);
          brokerSide = call; // before the answer can come
          call.start(back, Passing.forward(asked));
          call.request(1);
          return call;
        });
    sent.sendMessage(message);
    sent.halfClose();
    if (agentSide.isCancelled()) {
      onCancel();
    }
  }

  private ClientCall<byte[], byte[]> newCall(Channel channel) {
    if (method != Method.OPEN) {
      return channel.newCall(method.descriptor(), CallOptions.DEFAULT);
    }
    // Its answer is to be learnt even when nobody waits for it any more: what it has opened ends
    // with the process at once. When it is lost, that ends with the process's connections.
    Deadline asked = Context.current().getDeadline();
    CallOptions options =
        asked == null
            ? CallOptions.DEFAULT
            : CallOptions.DEFAULT.withDeadline(
                asked.offset(Ownership.ASK_SECONDS, TimeUnit.SECONDS));
    Context uncancelled = Context.current().fork();
    Context before = uncancelled.attach();
    try {
      return channel.newCall(method.descriptor(), options);
    } finally {
      uncancelled.detach(before);
    }
  }

  @Override
  public void onReady() {
    ClientCall<byte[], byte[]> call = brokerSide;
    if (owes && call != null) {
      owes = false;
      call.request(1);
    }
  }

  @Override
  public void onCancel() {
    ClientCall<byte[], byte[]> call = brokerSide;
    if (call != null && method != Method.OPEN) {
      call.cancel("the agent has cancelled its call", null);
    }
  }

  private void refuse(RuntimeException thrown) {
    StatusRuntimeException answer = Faults.answer(caller.request(), thrown);
    Metadata trailers = answer.getTrailers();
    agentSide.close(answer.getStatus(), trailers == null ? new Metadata() : trailers);
  }

  /** The way back. gRPC calls it one event at a time. */
  private final class Back extends ClientCall.Listener<byte[]> {
    private final Link link;
    private final Optional<TaskId> task;
    private final byte[] message;
    private final Watched watched = new Watched();
    private boolean begun;
    private @Nullable FaultException taken;

    Back(Link link, Optional<TaskId> task, byte[] message) {
      this.link = link;
      this.task = task;
      this.message = message;
    }

    @Override
    public void onMessage(byte[] answer) {
      try {
        learn(answer);
      } catch (FaultException e) {
        taken = e;
        return;
      }
      if (!begun) {
        begun = true;
        agentSide.sendHeaders(new Metadata());
      }
      agentSide.sendMessage(answer);
      // It may hold a secret, and gRPC has written it into its own buffers.
      Arrays.fill(answer, (byte) 0);
      owes = true;
      if (agentSide.isReady()) {
        RelayedCall.this.onReady();
      }
    }

    private void learn(byte[] answer) {
      switch (method) {
        case OPEN -> {
          Task opened = parse(answer);
          TaskId id = new TaskId(opened.getId());
          if (links.boundElsewhere(link, id)) {
            throw new FaultException(new Fault.IdempotencyConflict(Keys.of(message)));
          }
          link.opened(opened);
        }
        case COMPLETE, CANCEL -> task.ifPresent(link.handles()::over);
        case WATCH -> watched.saw(answer);
        default -> {}
      }
    }

    private Task parse(byte[] answer) {
      try {
        return Task.parseFrom(answer);
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException("the broker's answer is no task", e);
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      boolean broken = !status.isOk() && !Passing.isAnswer(trailers);
      if (broken && !agentSide.isCancelled() && watched.mayGoOn(status)) {
        Runnable again = Context.current().wrap(this::goOn);
        links.after(watched.pause(), again);
        return;
      }
      leave(link);
      if (taken != null) {
        refuse(taken);
      } else if (broken && watched.isOver()) {
        agentSide.close(Status.OK, new Metadata());
      } else if (broken && status.getCode() == Status.Code.UNAVAILABLE) {
        refuse(Ownership.away(status));
      } else {
        agentSide.close(status, Passing.back(trailers));
      }
    }

    /** The agent's stream goes on over another one of the broker's. */
    private void goOn() {
      try {
        if (agentSide.isCancelled()) {
          leave(link);
          return;
        }
        send(this, watched.rest(message));
      } catch (RuntimeException e) {
        leave(link);
        refuse(e);
      }
    }
  }
}
