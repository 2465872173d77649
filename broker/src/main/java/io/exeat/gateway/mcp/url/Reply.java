package io.exeat.gateway.mcp.url;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP answer as it comes: the connection's event loop puts in, one thread takes out and waits.
 * What nobody takes is not read from the connection any more.
 */
final class Reply extends InputStream {
  /** So many bytes wait at most, but for what came with them. */
  private static final int MOST_WAITING = 64 << 10;

  private final Channel channel;

  /** No monitor: to wake a virtual thread that waits at one takes a thread of the JDK's between. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition changed = lock.newCondition();
  private final ArrayDeque<ByteBuf> parts = new ArrayDeque<>();
  private int waiting;
  private @Nullable HttpResponse head;
  private boolean told;
  private boolean ended;
  private boolean closed;
  private @Nullable IOException broken;
  private @Nullable Future<?> late;

  Reply(Channel channel) {
    this.channel = channel;
  }

  /** Status and headers are there; {@link #awaitHead} is told with what comes with them. */
  void begin(HttpResponse response) {
    lock.lock();
    try {
      head = response;
    } finally {
      lock.unlock();
    }
  }

  /** Takes the part over. */
  void add(ByteBuf part) {
    lock.lock();
    try {
      if (closed || !part.isReadable()) {
        part.release();
        return;
      }
      parts.add(part);
      waiting += part.readableBytes();
      if (waiting > MOST_WAITING) {
        channel.config().setAutoRead(false);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Nothing follows; false when nobody wants it any more, and the connection will be closed.
   *
   * @param first runs before anybody can know it, if somebody wants it
   */
  boolean end(Runnable first) {
    lock.lock();
    try {
      if (!closed) {
        first.run();
      }
      ended = true;
      stop();
      tell();
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  /** By who holds the lock. */
  private void stop() {
    if (late != null) {
      late.cancel(false);
      late = null;
    }
  }

  boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** There was no connection to send it over: it can be sent over another one. */
  void failUnsent() {
    lock.lock();
    try {
      broken = new Unsent();
      tell();
    } finally {
      lock.unlock();
    }
  }

  /** Nothing was sent. */
  static final class Unsent extends IOException {
    private static final long serialVersionUID = 1L;

    Unsent() {
      super("the connection is closed");
    }
  }

  /** Nothing follows, and something is missing. The first reason counts. */
  void fail(IOException why) {
    lock.lock();
    try {
      if (!ended && broken == null) {
        broken = why;
      }
      stop();
      tell();
    } finally {
      lock.unlock();
    }
  }

  /** All that came at once is in. */
  void tell() {
    lock.lock();
    try {
      told |= head != null || broken != null;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean hasBegun() {
    lock.lock();
    try {
      return head != null;
    } finally {
      lock.unlock();
    }
  }

  boolean isOver() {
    lock.lock();
    try {
      return ended || broken != null;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until the answer begins.
   *
   * @throws IOException when it does not
   * @throws InterruptedException then the caller has to close it
   */
  HttpResponse awaitHead() throws IOException, InterruptedException {
    lock.lock();
    try {
      while (!told) {
        changed.await();
      }
      HttpResponse there = head;
      if (there == null) {
        throw broken == null ? new IOException("no answer") : broken;
      }
      return there;
    } finally {
      lock.unlock();
    }
  }

  /** Fails it when it has not ended by then. */
  void endWithin(Duration time) {
    lock.lock();
    try {
      if (isOver()) {
        return;
      }
      late =
          channel
              .eventLoop()
              .schedule(
                  () -> {
                    if (!isOver()) {
                      fail(new IOException("the answer took too long"));
                      var _ = channel.close();
                    }
                  },
                  time.toMillis(),
                  TimeUnit.MILLISECONDS);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int at, int most) throws IOException {
    lock.lock();
    try {
      while (parts.isEmpty()) {
        if (closed) {
          throw new IOException("closed");
        }
        if (broken != null) {
          throw broken;
        }
        if (ended) {
          return -1;
        }
        try {
          changed.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException("interrupted");
        }
      }
      ByteBuf first = parts.getFirst();
      int length = Math.min(most, first.readableBytes());
      first.readBytes(into, at, length);
      waiting -= length;
      if (!first.isReadable()) {
        parts.removeFirst().release();
      }
      if (!ended && waiting <= MOST_WAITING / 2 && !channel.config().isAutoRead()) {
        channel.config().setAutoRead(true);
      }
      return length;
    } finally {
      lock.unlock();
    }
  }

  /** Who waits hears of it. A connection whose answer has not ended is closed with it. */
  @Override
  public void close() {
    boolean cut;
    lock.lock();
    try {
      cut = !ended && !closed;
      closed = true;
      stop();
      parts.forEach(ByteBuf::release);
      parts.clear();
      waiting = 0;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (cut) {
      var _ = channel.close();
    }
  }
}
