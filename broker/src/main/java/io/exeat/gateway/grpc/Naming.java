package io.exeat.gateway.grpc;

import io.exeat.attest.Connections;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which instance of its agent an mTLS client is, as it says in its calls' metadata: sidecars that
 * relay show one SPIFFE ID for many processes. Comes after {@link Calls}.
 */
public final class Naming implements ServerInterceptor {

  /** 1 to 64 letters, digits, {@code -} and {@code _}; the same in each call of a connection. */
  public static final Metadata.Key<String> INSTANCE =
      Metadata.Key.of("exeat-instance", Metadata.ASCII_STRING_MARSHALLER);

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  private final Connections connections;

  Naming(Connections connections) {
    this.connections = connections;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Caller caller = Caller.current();
    if (!(caller.peer() instanceof Peer.Tls client)) {
      return next.startCall(call, headers);
    }
    Peer named = connections.named(client, instance(headers));
    Connection connection = caller.connection().named(named);
    Context context =
        Context.current().withValue(Caller.KEY, new Caller(caller.request(), connection));
    return Contexts.interceptCall(context, call, headers, next);
  }

  private static Optional<String> instance(Metadata headers) {
    Optional<String> name = Optional.ofNullable(headers.get(INSTANCE));
    if (name.isPresent() && !NAME.matcher(name.get()).matches()) {
      throw new FaultException(
          new Fault.Malformed(INSTANCE.name(), "must be 1 to 64 letters, digits, - and _"));
    }
    return name;
  }
}
