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
import org.jspecify.annotations.Nullable;

/**
 * One HTTP answer as it comes: the connection's event loop puts in, one thread takes out and waits.
 * What nobody takes is not read from the connection any more.
 */
final class Reply extends InputStream {
  /** So many bytes wait at most, but for what came with them. */
  private static final int MOST_WAITING = 64 << 10;

  private final Channel channel;
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
  synchronized void begin(HttpResponse response) {
    head = response;
  }

  /** Takes the part over. */
  synchronized void add(ByteBuf part) {
    if (closed || !part.isReadable()) {
      part.release();
      return;
    }
    parts.add(part);
    waiting += part.readableBytes();
    if (waiting > MOST_WAITING) {
      channel.config().setAutoRead(false);
    }
  }

  /**
   * Nothing follows; false when nobody wants it any more, and the connection will be closed.
   *
   * @param first runs before anybody can know it, if somebody wants it
   */
  synchronized boolean end(Runnable first) {
    if (!closed) {
      first.run();
    }
    ended = true;
    stop();
    tell();
    return !closed;
  }

  private synchronized void stop() {
    if (late != null) {
      late.cancel(false);
      late = null;
    }
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /** There was no connection to send it over: it can be sent over another one. */
  synchronized void failUnsent() {
    broken = new Unsent();
    tell();
  }

  /** Nothing was sent. */
  static final class Unsent extends IOException {
    private static final long serialVersionUID = 1L;

    Unsent() {
      super("the connection is closed");
    }
  }

  /** Nothing follows, and something is missing. The first reason counts. */
  synchronized void fail(IOException why) {
    if (!ended && broken == null) {
      broken = why;
    }
    stop();
    tell();
  }

  /** All that came at once is in. */
  synchronized void tell() {
    told |= head != null || broken != null;
    notifyAll();
  }

  synchronized boolean hasBegun() {
    return head != null;
  }

  synchronized boolean isOver() {
    return ended || broken != null;
  }

  /**
   * Waits until the answer begins.
   *
   * @throws IOException when it does not
   * @throws InterruptedException then the caller has to close it
   */
  synchronized HttpResponse awaitHead() throws IOException, InterruptedException {
    while (!told) {
      wait();
    }
    HttpResponse there = head;
    if (there == null) {
      throw broken == null ? new IOException("no answer") : broken;
    }
    return there;
  }

  /** Fails it when it has not ended by then. */
  synchronized void endWithin(Duration time) {
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
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public synchronized int read(byte[] into, int at, int most) throws IOException {
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
        wait();
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
  }

  /** Who waits hears of it. A connection whose answer has not ended is closed with it. */
  @Override
  public void close() {
    boolean cut;
    synchronized (this) {
      cut = !ended && !closed;
      closed = true;
      stop();
      parts.forEach(ByteBuf::release);
      parts.clear();
      waiting = 0;
      notifyAll();
    }
    if (cut) {
      var _ = channel.close();
    }
  }
}
