package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A request over a Netty connection. */
final class HttpExchange implements Exchange {
  /** An agent that does not read for so long has gone. */
  private static final long SEND_SECONDS = 30;

  private final ChannelHandlerContext context;
  private final String method;
  private final String path;
  private final Headers headers;
  private final byte[] body;
  private final Supplier<Peer> peer;
  private final List<Runnable> whenGone = new ArrayList<>();
  private boolean gone;
  private volatile boolean begun;
  private volatile boolean done;

  HttpExchange(
      ChannelHandlerContext context,
      String method,
      String uri,
      Headers headers,
      byte[] body,
      Supplier<Peer> peer) {
    this.context = context;
    this.method = method;
    this.path = uri;
    this.headers = headers;
    this.body = body;
    this.peer = peer;
  }

  @Override
  public Peer peer() {
    return peer.get();
  }

  @Override
  public String method() {
    return method;
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public Headers headers() {
    return headers;
  }

  @Override
  public byte[] body() {
    return body;
  }

  /** Whether an answer is out, whole. */
  boolean isDone() {
    return done;
  }

  @Override
  public void answer(int status, Map<String, String> more, byte[] content) {
    if (begun) {
      var _ = context.close(); // half an answer cannot be taken back
      return;
    }
    begun = true;
    boolean hasNone = status == 204;
    ByteBuf bytes = hasNone ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(content);
    var response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), bytes);
    set(response.headers(), more);
    if (!hasNone) {
      HttpUtil.setContentLength(response, content.length);
    }
    done = true; // who does not take it is cut off with the connection's patience
    var _ = context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
  }

  @Override
  public Sink stream(Map<String, String> more) {
    begun = true;
    var response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    set(response.headers(), more);
    HttpUtil.setTransferEncodingChunked(response, true);
    var _ = context.writeAndFlush(response);
    return new Sink() {
      @Override
      public void send(byte[] event) throws IOException {
        await(context.writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(event))));
      }

      @Override
      public void close() {
        done = true;
        try {
          await(context.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT));
        } catch (IOException e) {
          done = false;
        }
      }
    };
  }

  private static void set(HttpHeaders headers, Map<String, String> more) {
    more.forEach(headers::set);
    headers.set(HttpHeaderNames.SERVER, "exeat");
  }

  private void await(ChannelFuture written) throws IOException {
    try {
      if (!written.await(SEND_SECONDS, TimeUnit.SECONDS) || !written.isSuccess()) {
        var _ = context.close();
        throw new IOException("the agent does not read any more", written.cause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("stopping", e);
    }
  }

  @Override
  public void onGone(Runnable then) {
    synchronized (this) {
      if (!gone) {
        whenGone.add(then);
        return;
      }
    }
    then.run();
  }

  /** The connection is closed; on its event loop. */
  void gone() {
    List<Runnable> told;
    synchronized (this) {
      gone = true;
      told = List.copyOf(whenGone);
    }
    told.forEach(then -> Thread.ofVirtual().name("gone").start(then));
  }
}
