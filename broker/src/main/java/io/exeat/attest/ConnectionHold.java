package io.exeat.attest;

import io.exeat.base.Subscription;
import io.netty.channel.Channel;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A process of another PID namespace on a kernel without SO_PEERPIDFD: nothing names it but its
 * connection, so it counts as gone when the connection closes.
 */
final class ConnectionHold implements ProcessHold {
  private static final AtomicLong NEXT = new AtomicLong();

  private final Channel channel;
  private final String key = nextKey();
  private final Once closed = new Once();

  ConnectionHold(Channel channel) {
    this.channel = channel;
    var _ = channel.closeFuture().addListener(_ -> closed.happen("the connection has closed"));
  }

  static String nextKey() {
    return "c" + NEXT.incrementAndGet();
  }

  @Override
  public boolean alive() {
    return channel.isOpen();
  }

  @Override
  public String key() {
    return key;
  }

  @Override
  public Subscription onDeath(Runnable then) {
    return closed.then(_ -> then.run());
  }
}
