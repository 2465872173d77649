package io.exeat.gateway.grpc;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Closes a connection that has not said in time what every HTTP/2 client says first. */
final class FirstBytes extends ChannelInboundHandlerAdapter {

  /** The connection preface and the header of the SETTINGS frame (RFC 9113, 3.4 and 4.1). */
  private static final int EXPECTED = 24 + 9;

  private final Duration within;
  private @Nullable Future<?> timeout;
  private int seen;

  FirstBytes(Duration within) {
    this.within = within;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    timeout =
        context
            .executor()
            .schedule(
                () -> {
                  var _ = context.close();
                },
                within.toMillis(),
                TimeUnit.MILLISECONDS);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    if (timeout != null) {
      timeout.cancel(false);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (message instanceof ByteBuf bytes) {
      seen += bytes.readableBytes();
    }
    context.fireChannelRead(message);
    if (seen >= EXPECTED && !context.isRemoved()) {
      context.pipeline().remove(this);
    }
  }
}
