package io.exeat.gateway.mcp.url;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequestEncoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/** The connections to one server, as many as are needed at once; who is free is used again. */
final class Connections {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration IDLE = Duration.ofSeconds(30);

  /** A cut is not to wait for a server that does not read. */
  private static final Duration CLOSE = Duration.ofMillis(20);

  private final EventLoopGroup loops;
  private final Executor work;
  private final String host;
  private final int port;
  private final @Nullable SSLContext tls;
  private final ConcurrentLinkedDeque<Free> free = new ConcurrentLinkedDeque<>();
  private volatile boolean closed;

  /**
   * @param since {@link System#nanoTime}
   */
  private record Free(Channel channel, Connection connection, long since) {
    Free(Channel channel, Connection connection) {
      this(channel, connection, System.nanoTime());
    }
  }

  /**
   * @param work for a handshake's arithmetic
   * @param tls the server is known by; null for plain HTTP
   */
  Connections(
      EventLoopGroup loops, Executor work, String host, int port, @Nullable SSLContext tls) {
    this.loops = loops;
    this.work = work;
    this.host = host;
    this.port = port;
    this.tls = tls;
  }

  /**
   * Sends {@code request}, once.
   *
   * @param within how long the answer may take to begin
   * @throws IOException when no connection can be had
   * @throws InterruptedException then nothing is sent
   */
  Reply send(FullHttpRequest request, Duration within) throws IOException, InterruptedException {
    Free there = take();
    if (there == null) {
      try {
        there = connect();
      } catch (IOException | InterruptedException e) {
        request.release();
        throw e;
      }
    }
    Reply reply = new Reply(there.channel());
    Connection connection = there.connection();
    there.channel().eventLoop().execute(() -> connection.send(request, reply, within));
    return reply;
  }

  private @Nullable Free take() {
    for (Free next = free.pollFirst(); next != null; next = free.pollFirst()) {
      if (next.channel().isActive()) {
        return next;
      }
    }
    return null;
  }

  private Free connect() throws IOException, InterruptedException {
    InetSocketAddress to = new InetSocketAddress(host, port);
    if (to.isUnresolved()) {
      throw new IOException("its host name is not known");
    }
    Connection[] made = new Connection[1];
    var connecting =
        new Bootstrap()
            .group(loops)
            .channel(EpollSocketChannel.class)
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(CONNECT.toMillis()))
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    made[0] = begin(channel);
                  }
                })
            .connect(to);
    try {
      connecting.await();
    } catch (InterruptedException e) {
      var _ = connecting.channel().close();
      throw e;
    }
    if (!connecting.isSuccess()) {
      throw new IOException("it cannot be connected to", connecting.cause());
    }
    return new Free(connecting.channel(), made[0]);
  }

  private Connection begin(Channel channel) {
    if (tls != null) {
      channel.pipeline().addLast(secure(tls));
    }
    Connection connection = new Connection(it -> isFree(channel, it));
    Future<?> looks =
        channel
            .eventLoop()
            .scheduleAtFixedRate(
                this::dropIdle, IDLE.toMillis(), IDLE.toMillis(), TimeUnit.MILLISECONDS);
    channel
        .closeFuture()
        .addListener(_ -> {
          looks.cancel(false);
          free.removeIf(it -> it.channel().equals(channel));
        });
    channel.pipeline().addLast(new HttpRequestEncoder(), connection.decoder(), connection);
    return connection;
  }

  private SslHandler secure(SSLContext context) {
    SSLEngine engine = context.createSSLEngine(host, port);
    engine.setUseClientMode(true);
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    engine.setSSLParameters(parameters);
    SslHandler handler = new SslHandler(engine, work);
    handler.setCloseNotifyFlushTimeoutMillis(CLOSE.toMillis());
    handler.setHandshakeTimeout(CONNECT.toMillis(), TimeUnit.MILLISECONDS);
    return handler;
  }

  private void isFree(Channel channel, Connection connection) {
    if (channel.isActive()) {
      free.addFirst(new Free(channel, connection));
    }
    if (closed) {
      close();
    }
  }

  private void dropIdle() {
    long before = System.nanoTime() - IDLE.toNanos();
    for (Free each : free) {
      if (each.since() < before && free.remove(each)) {
        var _ = each.channel().close();
      }
    }
  }

  /** Closes those that are free, now and from now on. */
  void close() {
    closed = true;
    for (Free next = free.pollFirst(); next != null; next = free.pollFirst()) {
      var _ = next.channel().close();
    }
  }
}
