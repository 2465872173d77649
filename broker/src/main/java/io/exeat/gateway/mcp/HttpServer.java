package io.exeat.gateway.mcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** HTTP/1.1 as the gateway's doors speak it, within bounds. */
final class HttpServer {
  /** One message. */
  static final int BODY_BYTES = 1 << 20;

  private static final int LINE_BYTES = 4 << 10;
  private static final int HEADER_BYTES = 32 << 10;
  private static final int CHUNK_BYTES = 16 << 10;

  private HttpServer() {}

  /**
   * A connection's handlers.
   *
   * @param first those of the door itself; throws to refuse the connection
   * @param serving serves the connection's requests
   */
  static ChannelInitializer<Channel> connection(
      Function<Channel, List<ChannelHandler>> first, Function<Channel, ChannelHandler> serving) {
    return new ChannelInitializer<>() {
      @Override
      protected void initChannel(Channel channel) {
        channel.pipeline().addLast(first.apply(channel).toArray(ChannelHandler[]::new));
        channel
            .pipeline()
            .addLast(
                new HttpServerCodec(
                    new HttpDecoderConfig()
                        .setMaxInitialLineLength(LINE_BYTES)
                        .setMaxHeaderSize(HEADER_BYTES)
                        .setMaxChunkSize(CHUNK_BYTES)))
            .addLast(new HttpServerKeepAliveHandler())
            .addLast(new Whole())
            .addLast(serving.apply(channel));
      }
    };
  }

  /** A message's parts together; tells of one that is too large, which it answers by itself. */
  private static final class Whole extends HttpObjectAggregator {
    Whole() {
      super(BODY_BYTES, true);
    }

    @Override
    protected void handleOversizedMessage(ChannelHandlerContext context, HttpMessage message)
        throws Exception {
      context.fireUserEventTriggered(Unreadable.TOO_LARGE);
      super.handleOversizedMessage(context, message);
    }

    @Override
    protected @Nullable Object newContinueResponse(
        HttpMessage start, int most, ChannelPipeline pipeline) {
      Object response = super.newContinueResponse(start, most, pipeline);
      if (response instanceof HttpResponse it && it.status().code() >= 400) {
        pipeline.fireUserEventTriggered(
            it.status().equals(HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE)
                ? Unreadable.TOO_LARGE
                : Unreadable.NOT_PLAIN);
      }
      return response;
    }
  }
}
