package io.exeat.identity;

import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * How all SPIFFE sockets are spoken to: gRPC over Unix sockets, on one epoll thread for connections
 * and timers, with virtual threads for what is done about an answer.
 */
public final class SpiffeTransport implements AutoCloseable {
  /**
   * A connection attempt on a Unix socket costs microseconds, so a restarted agent is found soon.
   */
  private static final int RECONNECT_MILLIS = 400;

  private static final int MAX_MESSAGE_BYTES = 4 << 20;

  private final EventLoopGroup loop =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("exeat-spiffe", true), EpollIoHandler.newFactory());
  private final ExecutorService work =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("exeat-spiffe-", 0).factory());

  /**
   * A connection to a Unix socket; it is made when first used, and again, at most 0.4 s apart,
   * while it fails.
   */
  public Link plain(Path socket, String securityHeader) {
    return open(socket, securityHeader, Optional.empty());
  }

  /** The same with mTLS; the context decides which servers are trusted, not a host name. */
  public Link tls(Path socket, String securityHeader, SslContext tls) {
    return open(socket, securityHeader, Optional.of(tls));
  }

  private Link open(Path socket, String securityHeader, Optional<SslContext> tls) {
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loop)
            .executor(work)
            .overrideAuthority("spiffe.local")
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .disableRetry();
    tls.ifPresentOrElse(
        builder::sslContext, () -> builder.negotiationType(NegotiationType.PLAINTEXT));
    ManagedChannel channel = builder.build();
    reconnectSoon(channel);
    Metadata header = new Metadata();
    if (!securityHeader.isEmpty()) {
      header.put(Metadata.Key.of(securityHeader, Metadata.ASCII_STRING_MARSHALLER), "true");
    }
    return new Link(
        this,
        socket,
        channel,
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(header)));
  }

  /**
   * gRPC's own pauses between attempts grow to two minutes; on a local socket that is far too long.
   */
  private void reconnectSoon(ManagedChannel channel) {
    ConnectivityState state = channel.getState(false);
    if (state == ConnectivityState.SHUTDOWN) {
      return;
    }
    if (state == ConnectivityState.TRANSIENT_FAILURE) {
      var _ =
          after(
              Duration.ofMillis(
                  ThreadLocalRandom.current().nextInt(RECONNECT_MILLIS / 2, RECONNECT_MILLIS)),
              () -> {
                channel.resetConnectBackoff();
                reconnectSoon(channel);
              });
    } else {
      channel.notifyWhenStateChanged(state, () -> reconnectSoon(channel));
    }
  }

  /**
   * Runs {@code then} on a virtual thread after {@code pause}, unless closed or cancelled before.
   */
  public ScheduledFuture<?> after(Duration pause, Runnable then) {
    return loop.schedule(() -> work.execute(then), pause.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** The epoll loop, for file descriptors that it can wait for too. */
  public EventLoopGroup loop() {
    return loop;
  }

  /** A client context builder with what gRPC needs (ALPN h2) on the JDK's TLS. */
  static io.netty.handler.ssl.SslContextBuilder configure(
      io.netty.handler.ssl.SslContextBuilder builder) {
    return GrpcSslContexts.configure(builder, io.netty.handler.ssl.SslProvider.JDK);
  }

  @Override
  public void close() {
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    work.shutdownNow();
  }
}
