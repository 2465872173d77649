package io.exeat.gateway.mcp.url;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** One connection to a tool server: one request, its answer, then the next one. */
final class Connection extends ChannelInboundHandlerAdapter {
  private static final int LINE_BYTES = 8 << 10;
  private static final int HEADER_BYTES = 64 << 10;
  private static final int CHUNK_BYTES = 16 << 10;

  private final Consumer<Connection> free;
  private final Decoder decoder = new Decoder();

  // Only touched by the event loop.
  private @Nullable Reply reply;
  private @Nullable Future<?> patience;
  private boolean written;
  private boolean kept;
  private @Nullable Reply whole;
  private boolean hasServed;
  private boolean informational;

  /** What went wrong while nobody waited for an answer. */
  private @Nullable IOException early;

  private @Nullable ChannelHandlerContext context;

  /**
   * @param free told when the next request can be sent
   */
  Connection(Consumer<Connection> free) {
    this.free = free;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
  }

  /**
   * Sends {@code request}; on the event loop.
   *
   * @param within how long the answer may take to begin
   */
  void send(FullHttpRequest request, Reply to, Duration within) {
    ChannelHandlerContext there = context;
    if (there == null || !there.channel().isActive() || to.isClosed()) {
      request.release();
      if (hasServed) {
        to.failUnsent();
      } else {
        to.fail(early == null ? new IOException("the connection was closed at once") : early);
      }
      if (there != null) {
        var _ = there.close();
      }
      return;
    }
    reply = to;
    written = false;
    patience =
        there
            .executor()
            .schedule(
                () -> over(there, "no answer in time"), within.toMillis(), TimeUnit.MILLISECONDS);
    there
        .writeAndFlush(request)
        .addListener(done -> {
          written = true;
          if (!done.isSuccess()) {
            over(there, broken(done.cause(), "the request could not be sent"));
          }
        });
  }

  /** What reads its bytes. */
  ChannelHandler decoder() {
    return decoder;
  }

  /** Answers alone, while one is awaited: what comes behind one would become part of the next. */
  private final class Decoder extends HttpResponseDecoder {
    Decoder() {
      super(
          new HttpDecoderConfig()
              .setMaxInitialLineLength(LINE_BYTES)
              .setMaxHeaderSize(HEADER_BYTES)
              .setMaxChunkSize(CHUNK_BYTES));
    }

    @Override
    public void channelRead(ChannelHandlerContext there, Object bytes) throws Exception {
      if (reply == null) {
        ReferenceCountUtil.release(bytes);
        over(there, "more than the answer came");
      } else {
        super.channelRead(there, bytes);
      }
    }

    boolean isEmpty() {
      return actualReadableBytes() == 0;
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext there, Object message) {
    try {
      Reply to = reply;
      if (to == null || ((HttpObject) message).decoderResult().isFailure()) {
        over(there, "the answer is no HTTP, or was not asked for");
        return;
      }
      if (message instanceof HttpResponse head) {
        informational = head.status().codeClass() == HttpStatusClass.INFORMATIONAL;
        if (!informational) {
          kept = HttpUtil.isKeepAlive(head);
          to.begin(head);
        }
      }
      if (message instanceof HttpContent content && !informational) {
        to.add(content.content().retain());
        if (content instanceof LastHttpContent) {
          end(there, to);
        }
      }
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  private void end(ChannelHandlerContext there, Reply to) {
    stopWaiting();
    reply = null;
    there.channel().config().setAutoRead(true);
    if (kept && written) {
      whole = to; // when all that came with it has been looked at
    } else {
      var _ = to.end(() -> {});
      var _ = there.close();
    }
  }

  /** Who reads it to its end finds the connection free for the next request. */
  private void end(ChannelHandlerContext there, Reply to, boolean nothingBehind) {
    whole = null;
    hasServed = true;
    boolean taken = to.end(nothingBehind ? () -> free.accept(this) : () -> {});
    if (!taken || !nothingBehind) {
      var _ = there.close();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext there) {
    Reply to = reply;
    if (to != null) {
      if (to.hasBegun()) {
        stopWaiting();
      }
      to.tell();
    }
    Reply over = whole;
    if (over != null) {
      end(there, over, decoder.isEmpty());
    }
    there.fireChannelReadComplete();
  }

  @Override
  public void channelInactive(ChannelHandlerContext there) {
    over(there, "the connection was closed");
    there.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext there, Throwable thrown) {
    Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
    over(there, broken(thrown, cause.getClass().getSimpleName()));
  }

  /** What TLS complains of is the server's; another message may hold what was sent. */
  private static IOException broken(Throwable thrown, String otherwise) {
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (each instanceof SSLException tls) {
        return tls;
      }
    }
    return new IOException(otherwise);
  }

  private void over(ChannelHandlerContext there, String why) {
    over(there, new IOException(why));
  }

  private void over(ChannelHandlerContext there, IOException why) {
    Reply before = whole;
    if (before != null) {
      end(there, before, false);
    }
    Reply to = reply;
    reply = null;
    stopWaiting();
    if (to != null) {
      to.fail(why);
    } else if (early == null) {
      early = why;
    }
    var _ = there.close();
  }

  private void stopWaiting() {
    if (patience != null) {
      patience.cancel(false);
      patience = null;
    }
  }
}
