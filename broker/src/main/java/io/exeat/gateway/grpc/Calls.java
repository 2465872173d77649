package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.RequestId;
import io.exeat.gateway.Faults;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import org.jspecify.annotations.Nullable;

/**
 * What every call of every door goes through first: it gets a name, which the answer carries as
 * trailer {@code exeat-request-id}; its peer is looked at; whatever a handler throws becomes a
 * fault's answer.
 */
final class Calls implements ServerInterceptor {

  static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("exeat-request-id", Metadata.ASCII_STRING_MARSHALLER);

  private final PeerCheck check;

  Calls(PeerCheck check) {
    this.check = check;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    RequestId request = RequestId.random();
    ServerCall<Q, A> named = new Named<>(call, request);
    try {
      Fault refused = call.getAttributes().get(Connection.REFUSED);
      if (refused != null) {
        throw new FaultException(refused);
      }
      Connection connection = call.getAttributes().get(Connection.KEY);
      if (connection == null) {
        throw new FaultException(new Fault.Unattested("the door found nobody"));
      }
      check.look(connection.peer());
      Context context = Context.current().withValue(Caller.KEY, new Caller(request, connection));
      return new Guarded<>(Contexts.interceptCall(context, named, headers, next), named, request);
    } catch (RuntimeException e) {
      refuse(named, Faults.answer(request, e));
      return new ServerCall.Listener<>() {};
    }
  }

  private static void refuse(ServerCall<?, ?> call, StatusRuntimeException answer) {
    Metadata trailers = answer.getTrailers();
    call.close(answer.getStatus(), trailers == null ? new Metadata() : trailers);
  }

  /**
   * Closes with the request's name. A relayed answer has the name that the broker gave it, which
   * stays. What answers a stream can be another thread than the one that refuses a message of it.
   */
  private static final class Named<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final RequestId request;

    Named(ServerCall<Q, A> call, RequestId request) {
      super(call);
      this.request = request;
    }

    @Override
    public synchronized void sendMessage(A message) {
      super.sendMessage(message);
    }

    @Override
    public synchronized void close(Status status, Metadata trailers) {
      if (!trailers.containsKey(REQUEST_ID)) {
        trailers.put(REQUEST_ID, request.value());
      }
      super.close(status, trailers);
    }
  }

  /** Nothing that a handler throws reaches gRPC, which would say UNKNOWN without a request. */
  private static final class Guarded<Q> extends SimpleForwardingServerCallListener<Q> {
    private final ServerCall<?, ?> call;
    private final RequestId request;
    private boolean asked;
    private boolean refused;

    Guarded(ServerCall.Listener<Q> listener, ServerCall<?, ?> call, RequestId request) {
      super(listener);
      this.call = call;
      this.request = request;
    }

    @Override
    public void onMessage(@Nullable Q message) {
      asked = true;
      guard(() -> {
        if (message == null) {
          throw new FaultException(
              new Fault.Malformed(
                  "message",
                  "must be a message of " + call.getMethodDescriptor().getFullMethodName()));
        }
        super.onMessage(message);
      });
    }

    @Override
    public void onHalfClose() {
      guard(() -> {
        if (!asked && call.getMethodDescriptor().getType().clientSendsOneMessage()) {
          throw new FaultException(new Fault.Malformed("message", "must be one"));
        }
        super.onHalfClose();
      });
    }

    @Override
    public void onReady() {
      guard(super::onReady);
    }

    private void guard(Runnable step) {
      if (refused) {
        return;
      }
      try {
        step.run();
      } catch (RuntimeException | Error e) {
        refused = true;
        StatusRuntimeException answer = Faults.answer(request, e);
        try {
          refuse(call, answer);
        } catch (IllegalStateException closed) {
          e.addSuppressed(closed); // it was answered already; the log has the rest
        }
      }
    }
  }
}
