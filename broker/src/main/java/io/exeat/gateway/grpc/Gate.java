package io.exeat.gateway.grpc;

import io.grpc.Attributes;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.ProtocolNegotiationEvent;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.util.AsciiString;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A door's own step in front of gRPC's negotiation: the only place where the connection itself can
 * be seen and what is known of it be handed to the calls (a transport filter gets attributes
 * alone). It stands on classes that grpc-java calls internal; {@code UnixDoorTest} fails when an
 * upgrade moves them.
 */
final class Gate implements InternalProtocolNegotiator.ProtocolNegotiator {

  private static final Logger LOG = LoggerFactory.getLogger(Gate.class);

  private final Keeper keeper;
  private final InternalProtocolNegotiator.ProtocolNegotiator next;

  private Gate(Keeper keeper, InternalProtocolNegotiator.ProtocolNegotiator next) {
    this.keeper = keeper;
    this.next = next;
  }

  /** In front of HTTP/2 without TLS. */
  static Gate plain(Keeper keeper) {
    return new Gate(keeper, InternalProtocolNegotiators.serverPlaintext());
  }

  /** In front of TLS. */
  static Gate tls(Keeper keeper, io.netty.handler.ssl.SslContext context) {
    return new Gate(keeper, InternalProtocolNegotiators.serverTls(context));
  }

  @Override
  public AsciiString scheme() {
    return next.scheme();
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpc) {
    return InternalProtocolNegotiators.waitUntilActiveHandler(
        new Step(next.newHandler(grpc)), grpc.getNegotiationLogger());
  }

  @Override
  public void close() {
    next.close();
  }

  /** Decides about one connection, on its event loop: it must not wait for anything. */
  @FunctionalInterface
  interface Keeper {
    /**
     * What the calls are to know of the connection, added to {@code known}; empty to close it. What
     * it counted or opened, it undoes at the channel's close.
     */
    Optional<Attributes> admit(Channel channel, Attributes known);
  }

  /**
   * gRPC closes in peace: it says so, and waits up to 10 s for an answer. It would wait as long for
   * a peer that has hung up before it was greeted, and keep all that it made for the connection;
   * some thousands of those a second fill the heap.
   */
  @ChannelHandler.Sharable
  private static final class NoGrace extends ChannelOutboundHandlerAdapter {
    static final NoGrace FOR_THE_DEAD = new NoGrace();

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
      if (context.channel().isActive()) {
        var _ = context.close(promise);
      } else {
        context.channel().unsafe().close(promise);
      }
    }
  }

  private final class Step extends ChannelInboundHandlerAdapter {
    private final ChannelHandler grpc;

    Step(ChannelHandler grpc) {
      this.grpc = grpc;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (!(event instanceof ProtocolNegotiationEvent negotiation)) {
        context.fireUserEventTriggered(event);
        return;
      }
      Optional<Attributes> admitted;
      try {
        admitted =
            keeper.admit(
                context.channel(), InternalProtocolNegotiationEvent.getAttributes(negotiation));
      } catch (RuntimeException e) {
        LOG.debug("refused a connection", e);
        admitted = Optional.empty();
      }
      if (admitted.isEmpty()) {
        var _ = context.close();
        return;
      }
      context.pipeline().replace(context.name(), null, grpc);
      context.pipeline().addLast(NoGrace.FOR_THE_DEAD);
      context
          .pipeline()
          .fireUserEventTriggered(
              InternalProtocolNegotiationEvent.withAttributes(negotiation, admitted.get()));
    }
  }
}
