package io.exeat.kube;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http2.DefaultHttp2GoAwayFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * HTTPS for the API server: {@code POST /inject} and {@code GET /healthz}. Who calls is not asked:
 * the answer says nothing that is secret.
 */
public final class InjectorDoor implements AutoCloseable {
  /** Go's HTTP client, which the API server is, gives an idle connection up after 90 s. */
  private static final Duration IDLE = Duration.ofMinutes(3);

  private static final Duration HANDSHAKE = Duration.ofSeconds(5);

  /** How long what is on its way has to come, once a connection is told to go away. */
  private static final Duration NOTICE = Duration.ofMillis(300);

  private static final int MOST_CONNECTIONS = 256;

  private final EventLoopGroup loops;
  private final Channel channel;
  private final ChannelGroup multiplexed;

  private InjectorDoor(EventLoopGroup loops, Channel channel, ChannelGroup multiplexed) {
    this.loops = loops;
    this.channel = channel;
    this.multiplexed = multiplexed;
  }

  /**
   * Opens the door; it serves when this returns, and connections fail until there is a certificate.
   *
   * @throws IOException when the address cannot be had
   */
  public static InjectorDoor open(
      InetSocketAddress address, ServingCertificate certificate, Webhook webhook)
      throws IOException {
    return open(address, certificate, webhook, true);
  }

  /**
   * The same.
   *
   * @param told whether the log has each answer
   */
  static InjectorDoor open(
      InetSocketAddress address, ServingCertificate certificate, Webhook webhook, boolean told)
      throws IOException {
    EventLoopGroup loops =
        new MultiThreadIoEventLoopGroup(
            2, new DefaultThreadFactory("exeat-inject", true), EpollIoHandler.newFactory());
    BodyBudget budget = new BodyBudget();
    AtomicInteger connections = new AtomicInteger();
    ChannelGroup multiplexed = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    ServerBootstrap server =
        new ServerBootstrap()
            .group(loops)
            .channel(EpollServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, 1024)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel one) {
                    Optional<SslContext> tls = certificate.tls();
                    count(one, connections);
                    if (tls.isEmpty()) {
                      var _ = one.close();
                      return;
                    }
                    SslHandler handler = tls.get().newHandler(one.alloc());
                    handler.setHandshakeTimeoutMillis(HANDSHAKE.toMillis());
                    one.pipeline()
                        .addLast(handler)
                        .addLast(new IdleConnections())
                        .addLast(
                            new Protocols(
                                () -> new WebhookHandler(webhook, budget, told), multiplexed));
                  }
                });
    try {
      return new InjectorDoor(
          loops, server.bind(address).syncUninterruptibly().channel(), multiplexed);
    } catch (RuntimeException e) {
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
      throw e;
    } catch (Throwable e) { // Netty throws the IOException of bind without declaring it
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
      throw new IOException(address + " cannot be had: " + e.getMessage(), e);
    }
  }

  /**
   * Takes no more than so many connections at once. Who comes then waits in the kernel's queue,
   * instead of being cut off: a pod would be refused for it.
   */
  private static void count(Channel one, AtomicInteger connections) {
    ChannelConfig door = one.parent().config();
    if (connections.incrementAndGet() >= MOST_CONNECTIONS) {
      door.setAutoRead(false);
    }
    one.closeFuture()
        .addListener(closed -> {
          connections.decrementAndGet();
          door.setAutoRead(true);
        });
  }

  /** The port that it has, for a configuration that says 0. */
  public int port() {
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  /** Hangs up on who has said nothing for so long. */
  private static final class IdleConnections extends IdleStateHandler {
    IdleConnections() {
      super(0, 0, IDLE.toSeconds(), TimeUnit.SECONDS);
    }

    @Override
    protected void channelIdle(ChannelHandlerContext context, IdleStateEvent event) {
      var _ = context.close();
    }
  }

  /** Takes no connection any more, answers what has come, and ends within 5 s. */
  @Override
  public void close() {
    channel.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
    giveNotice();
    multiplexed.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
    loops
        .shutdownGracefully(200, 1000, TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(2, TimeUnit.SECONDS);
  }

  /**
   * First a GOAWAY that refuses nothing (RFC 9113, section 6.8), and a moment in which all that is
   * on its way comes and is answered: closing over bytes that nobody read would reset a connection,
   * answers and all. Whoever asks next does so elsewhere.
   */
  private void giveNotice() {
    for (Channel each : multiplexed) {
      var _ =
          each.writeAndFlush(
              new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR)
                  .setExtraStreamIds(Integer.MAX_VALUE));
    }
    if (!multiplexed.isEmpty()) {
      LockSupport.parkNanos(NOTICE.toNanos());
    }
  }
}
