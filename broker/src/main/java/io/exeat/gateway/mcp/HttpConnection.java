package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: its requests one after the other, each on a virtual thread. Who sends the next
 * one before the answer is out is cut off, as is who takes too long to send one.
 */
final class HttpConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger LOG = LoggerFactory.getLogger(HttpConnection.class);

  private final Gateway gateway;
  private final Executor calls;
  private final Duration patience;
  private final BiFunction<ChannelHandlerContext, Headers, Peer> peer;
  private @Nullable HttpExchange underWay;
  private @Nullable Future<?> deadline;
  private boolean refused;

  /**
   * @param patience from the connection, or the last answer, to the whole of the next request
   * @param peer who is at the other end; asked on the call's thread
   */
  HttpConnection(
      Gateway gateway,
      Executor calls,
      Duration patience,
      BiFunction<ChannelHandlerContext, Headers, Peer> peer) {
    this.gateway = gateway;
    this.calls = calls;
    this.patience = patience;
    this.peer = peer;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    waitForNext(context);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    stopWaiting();
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    if (request.decoderResult().isFailure()) {
      refuse(context, Unreadable.of(request.decoderResult().cause()));
      return;
    }
    if (request.headers().contains(HttpHeaderNames.TRANSFER_ENCODING)) {
      // The aggregator has taken a plain "chunked" away: what is left is odd (RFC 9112, 6.1).
      refuse(context, Unreadable.NOT_PLAIN);
      return;
    }
    if ((underWay != null && !underWay.isDone()) || !context.channel().isWritable()) {
      record(context, Unreadable.TOO_EARLY); // the answer before is not out, or not taken
      var _ = context.close();
      return;
    }
    stopWaiting();
    Headers headers = new Headers();
    request.headers().forEach(each -> headers.add(each.getKey(), each.getValue()));
    byte[] body = new byte[request.content().readableBytes()];
    request.content().readBytes(body);
    HttpExchange exchange =
        new HttpExchange(
            context,
            request.method().name(),
            request.uri(),
            headers,
            body,
            () -> peer.apply(context, headers));
    underWay = exchange;
    calls.execute(() -> serve(context, exchange));
  }

  /** Answers by itself what it cannot read, and hangs up. */
  private void refuse(ChannelHandlerContext context, Unreadable why) {
    record(context, why);
    if (underWay != null && !underWay.isDone()) {
      var _ = context.close();
      return;
    }
    var answer =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, why.status(), Unpooled.EMPTY_BUFFER);
    answer.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    HttpUtil.setContentLength(answer, 0);
    var _ = context.writeAndFlush(answer).addListener(ChannelFutureListener.CLOSE);
  }

  private void record(ChannelHandlerContext context, Unreadable why) {
    if (!refused) { // one for each connection, which ends with it
      refused = true;
      calls.execute(() -> gateway.refused(peer.apply(context, new Headers()), why.fault()));
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof Unreadable why) { // answered already
      record(context, why);
    } else {
      context.fireUserEventTriggered(event);
    }
  }

  private void serve(ChannelHandlerContext context, HttpExchange exchange) {
    try {
      gateway.serve(exchange);
    } finally {
      boolean answered = exchange.isDone();
      context
          .executor()
          .execute(() -> {
            if (!answered) {
              var _ = context.close();
            } else if (underWay == exchange) { // otherwise the next one has come already
              underWay = null;
              waitForNext(context);
            }
          });
    }
  }

  private void waitForNext(ChannelHandlerContext context) {
    stopWaiting();
    deadline =
        context
            .executor()
            .schedule(
                () -> {
                  var _ = context.close();
                },
                patience.toMillis(),
                TimeUnit.MILLISECONDS);
  }

  private void stopWaiting() {
    if (deadline != null) {
      deadline.cancel(false);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    if (underWay != null) {
      underWay.gone();
    }
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable thrown) {
    LOG.debug("A connection failed", thrown);
    var _ = context.close();
  }
}
