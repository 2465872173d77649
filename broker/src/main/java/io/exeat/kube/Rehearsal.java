package io.exeat.kube;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.codec.http2.Http2StreamFrameToHttpObjectCodec;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls a door of its own on the loopback address as an API server would, so that Java has compiled
 * what a pod takes, from TLS to the patch, before the first one waits for it.
 */
public final class Rehearsal {
  private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);

  /** A machine that is slower has better things to do. */
  private static final Duration MOST = Duration.ofSeconds(5);

  private Rehearsal() {}

  /**
   * Takes about a second of a processor, 5 s at most. Without a certificate yet, and when something
   * stands in its way, it is the webhook alone that rehearses.
   *
   * @return how many calls the door answered
   */
  public static int run(ServingCertificate certificate, Webhook webhook)
      throws InterruptedException {
    int answered = 0;
    if (certificate.tls().isPresent()) {
      InetSocketAddress here = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      EventLoopGroup loop =
          new MultiThreadIoEventLoopGroup(
              1, new DefaultThreadFactory("exeat-rehearsal", true), EpollIoHandler.newFactory());
      try (InjectorDoor door = InjectorDoor.open(here, certificate, webhook, false)) {
        answered = call(loop, new InetSocketAddress(here.getAddress(), door.port()));
      } catch (IOException e) {
        LOG.warn("The door was not rehearsed, so the first pods wait longer: {}", e.toString());
      } finally {
        var _ = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      }
    }
    if (answered == 0) {
      var _ = webhook.rehearse();
    }
    return answered;
  }

  private static int call(EventLoopGroup loop, InetSocketAddress door)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + MOST.toNanos();
    BlockingQueue<Integer> answers = new LinkedBlockingQueue<>();
    Channel connection =
        new Bootstrap()
            .group(loop)
            .channel(EpollSocketChannel.class)
            .handler(new Client(tls()))
            .connect(door)
            .await()
            .channel();
    try {
      SslHandler tls = connection.pipeline().get(SslHandler.class);
      if (tls == null || !tls.handshakeFuture().await(MOST.toMillis())) {
        throw new IOException("no connection to " + door);
      }
      int answered = 0;
      while (answered < Webhook.REHEARSALS && System.nanoTime() < end) {
        ask(connection, answers);
        Integer status = answers.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (status == null) {
          break;
        }
        if (status != 200) {
          throw new IOException("the door said " + status);
        }
        answered++;
      }
      return answered;
    } finally {
      var _ = connection.close().await(1, TimeUnit.SECONDS);
    }
  }

  private static SslContext tls() throws IOException {
    return SslContextBuilder.forClient()
        .sslProvider(SslProvider.JDK)
        .protocols("TLSv1.3")
        // At the other end is this same process, and nothing of worth is sent.
        .trustManager(InsecureTrustManagerFactory.INSTANCE)
        .endpointIdentificationAlgorithm("")
        .applicationProtocolConfig(
            new ApplicationProtocolConfig(
                ApplicationProtocolConfig.Protocol.ALPN,
                ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                ApplicationProtocolNames.HTTP_2))
        .build();
  }

  private static void ask(Channel connection, BlockingQueue<Integer> answers) {
    FullHttpRequest request =
        new DefaultFullHttpRequest(
            HttpVersion.HTTP_1_1,
            HttpMethod.POST,
            "/inject?timeout=5s",
            Unpooled.wrappedBuffer(Webhook.REHEARSAL.getBytes(StandardCharsets.UTF_8)));
    request
        .headers()
        .set(HttpHeaderNames.HOST, "localhost")
        .set(HttpHeaderNames.CONTENT_TYPE, "application/json")
        .set(HttpHeaderNames.CONTENT_LENGTH, request.content().readableBytes());
    new Http2StreamChannelBootstrap(connection)
        .handler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel stream) {
                stream
                    .pipeline()
                    .addLast(new Http2StreamFrameToHttpObjectCodec(false))
                    .addLast(new HttpObjectAggregator(1 << 20))
                    .addLast(new Answers(answers));
              }
            })
        .open()
        .addListener(opened -> {
          if (opened.isSuccess()) {
            var _ = ((Channel) opened.getNow()).writeAndFlush(request);
          } else {
            request.release();
          }
        });
  }

  private static final class Client extends ChannelInitializer<Channel> {
    private final SslContext tls;

    Client(SslContext tls) {
      this.tls = tls;
    }

    @Override
    protected void initChannel(Channel connection) {
      connection
          .pipeline()
          .addLast(tls.newHandler(connection.alloc()))
          .addLast(Http2FrameCodecBuilder.forClient().build())
          .addLast(new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()));
    }
  }

  private static final class Answers extends SimpleChannelInboundHandler<FullHttpResponse> {
    private final BlockingQueue<Integer> answers;

    Answers(BlockingQueue<Integer> answers) {
      this.answers = answers;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpResponse answer) {
      answers.add(answer.status().code());
    }
  }
}
