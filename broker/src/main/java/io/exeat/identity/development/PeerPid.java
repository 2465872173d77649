package io.exeat.identity.development;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.ProtocolNegotiationEvent;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.util.AsciiString;
import java.util.Objects;

/**
 * Tells the services of a plain Unix socket the caller's PID, and demands an API's security header.
 */
final class PeerPid implements InternalProtocolNegotiator.ProtocolNegotiator {
  private static final Attributes.Key<Integer> ATTRIBUTE = Attributes.Key.create("peer pid");
  private static final Context.Key<Integer> PID = Context.key("peer pid");

  /** The PID of the call in progress. */
  static int current() {
    return Objects.requireNonNull(PID.get());
  }

  /** For the services behind this negotiator. */
  static ServerInterceptor interceptor() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        Integer pid = Objects.requireNonNull(call.getAttributes().get(ATTRIBUTE));
        return Contexts.interceptCall(Context.current().withValue(PID, pid), call, headers, next);
      }
    };
  }

  /** Refuses calls without {@code name: true}, as the SPIFFE endpoint specifications demand. */
  static ServerInterceptor header(String name) {
    Metadata.Key<String> key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        if (!"true".equals(headers.get(key))) {
          call.close(
              Status.INVALID_ARGUMENT.withDescription("security header missing from request"),
              new Metadata());
          return new ServerCall.Listener<>() {};
        }
        return next.startCall(call, headers);
      }
    };
  }

  @Override
  public AsciiString scheme() {
    return AsciiString.of("http");
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler handler) {
    return InternalProtocolNegotiators.waitUntilActiveHandler(
        new Reader(InternalProtocolNegotiators.grpcNegotiationHandler(handler)),
        handler.getNegotiationLogger());
  }

  @Override
  public void close() {}

  private static final class Reader extends ChannelInboundHandlerAdapter {
    private final ChannelHandler next;

    Reader(ChannelHandler next) {
      this.next = next;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
      if (!(event instanceof ProtocolNegotiationEvent negotiation)) {
        context.fireUserEventTriggered(event);
        return;
      }
      int pid = ((EpollDomainSocketChannel) context.channel()).peerCredentials().pid();
      Attributes attributes =
          InternalProtocolNegotiationEvent.getAttributes(negotiation).toBuilder()
              .set(ATTRIBUTE, pid)
              .build();
      var _ = context.pipeline().replace(context.name(), null, next);
      var _ =
          context
              .pipeline()
              .fireUserEventTriggered(
                  InternalProtocolNegotiationEvent.withAttributes(negotiation, attributes));
    }
  }
}
