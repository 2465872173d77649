package io.exeat.attest;

import io.exeat.base.FaultException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;

/** A Unix socket that reads who connects, and says nothing. */
@NullMarked
public final class Door implements AutoCloseable {
  private final Path socket;
  private final Channel server;
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
  private final BlockingQueue<Channel> channels = new LinkedBlockingQueue<>();

  public Door(Path socket, EventLoopGroup loop) {
    this.socket = socket;
    this.server =
        new ServerBootstrap()
            .group(loop)
            .channel(EpollServerDomainSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    var _ = channel.pipeline().addLast(new Reader());
                  }
                })
            .bind(new DomainSocketAddress(socket.toFile()))
            .syncUninterruptibly()
            .channel();
    socket.toFile().setReadable(true, false);
    socket.toFile().setWritable(true, false);
  }

  public Path socket() {
    return socket;
  }

  /** The next one who came, within 10 s; a refusal is thrown. */
  public Peer.Local next() {
    try {
      return switch (arrived.poll(10, TimeUnit.SECONDS)) {
        case Peer.Local peer -> peer;
        case FaultException fault -> throw fault;
        case null, default -> throw new AssertionError("nobody came");
      };
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** The process's next connection. */
  public Peer.Local next(AgentProcess agent) {
    agent.connect();
    return next();
  }

  /** Closes the connections that stand. */
  public void hangUp() {
    for (Channel channel = channels.poll(); channel != null; channel = channels.poll()) {
      channel.close().syncUninterruptibly();
    }
  }

  @Override
  public void close() {
    hangUp();
    server.close().syncUninterruptibly();
  }

  private final class Reader extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext context) {
      channels.add(context.channel());
      try {
        arrived.add(UnixPeers.read((EpollDomainSocketChannel) context.channel()));
      } catch (FaultException e) {
        arrived.add(e);
      }
    }
  }
}
