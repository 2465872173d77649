package io.exeat.kube;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.group.ChannelGroup;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2StreamFrameToHttpObjectCodec;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * HTTP/2 for those who offer it, as API servers do, else HTTP/1.1. Go's client keeps two idle
 * connections of HTTP/1.1 to a host: at many pods a second, each would cost a handshake.
 */
final class Protocols extends ApplicationProtocolNegotiationHandler {
  /** Go opens another connection when these are all taken. */
  private static final int MOST_STREAMS = 250;

  private static final int WINDOW = 1 << 20;
  private static final int MOST_OF_HEADERS = 8 << 10;

  /** How long a connection that is told to go away may still be answered on. */
  private static final Duration FAREWELL = Duration.ofSeconds(1);

  private final Supplier<WebhookHandler> handlers;
  private final ChannelGroup multiplexed;

  /**
   * Serves the connection that it is in.
   *
   * @param handlers one for each connection of HTTP/1.1 and each stream
   * @param multiplexed gets the connections of HTTP/2
   */
  Protocols(Supplier<WebhookHandler> handlers, ChannelGroup multiplexed) {
    super(ApplicationProtocolNames.HTTP_1_1);
    this.handlers = handlers;
    this.multiplexed = multiplexed;
  }

  @Override
  protected void configurePipeline(ChannelHandlerContext context, String protocol) {
    if (!protocol.equals(ApplicationProtocolNames.HTTP_2)) {
      context
          .pipeline()
          .addLast(new HttpServerCodec(new HttpDecoderConfig()))
          .addLast(handlers.get());
      return;
    }
    multiplexed.add(context.channel());
    context
        .pipeline()
        .addLast(
            Http2FrameCodecBuilder.forServer()
                .initialSettings(
                    Http2Settings.defaultSettings()
                        .maxConcurrentStreams(MOST_STREAMS)
                        .initialWindowSize(WINDOW)
                        .maxHeaderListSize(MOST_OF_HEADERS))
                .gracefulShutdownTimeoutMillis(FAREWELL.toMillis())
                .build())
        .addLast(
            new Http2MultiplexHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel stream) {
                    stream
                        .pipeline()
                        .addLast(new Http2StreamFrameToHttpObjectCodec(true))
                        .addLast(handlers.get());
                  }
                }));
  }
}
