package io.exeat.kube;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.util.AsciiString;
import io.netty.util.concurrent.Future;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection of HTTP/1.1, a request at a time, or one stream of HTTP/2. */
final class WebhookHandler extends SimpleChannelInboundHandler<HttpObject> {
  private static final Logger LOG = LoggerFactory.getLogger(WebhookHandler.class);
  private static final int SECONDS_FOR_ONE = 10;
  private static final int SECONDS_TO_READ = 1;

  private final Webhook webhook;
  private final BodyBudget budget;
  private final boolean told;

  private @Nullable HttpRequest request;
  private @Nullable ByteArrayOutputStream body;
  private @Nullable Future<?> late;
  private int taken;
  private boolean refused;

  /**
   * @param told whether the log has each answer
   */
  WebhookHandler(Webhook webhook, BodyBudget budget, boolean told) {
    this.webhook = webhook;
    this.budget = budget;
    this.told = told;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, HttpObject part) {
    if (refused) {
      return;
    }
    if (part.decoderResult().isFailure()) {
      refuse(context, Answer.text(400, "exeat: this is not HTTP that can be read"));
      return;
    }
    if (part instanceof HttpRequest first) {
      begin(context, first);
    }
    if (part instanceof HttpContent more && request != null) {
      collect(context, more.content());
      if (more instanceof LastHttpContent && request != null) {
        end(context);
      }
    }
  }

  private void begin(ChannelHandlerContext context, HttpRequest first) {
    boolean health = first.method().equals(HttpMethod.GET) && first.uri().equals("/healthz");
    if (!health && !first.uri().equals("/inject") && !first.uri().startsWith("/inject?")) {
      refuse(context, Answer.text(404, "exeat: there are /inject and /healthz"));
    } else if (!health && !first.method().equals(HttpMethod.POST)) {
      refuse(context, Answer.text(405, "exeat: /inject takes POST"));
    } else if (!health && !isJson(first)) {
      refuse(context, Answer.text(415, "exeat: /inject takes application/json"));
    } else if (HttpUtil.getContentLength(first, 0L) > BodyBudget.MOST_OF_ONE) {
      refuse(context, tooLarge());
    } else {
      request = first;
      body = new ByteArrayOutputStream();
      late =
          context
              .executor()
              .schedule(
                  () -> refuse(context, Answer.text(408, "exeat: the request took too long")),
                  SECONDS_FOR_ONE,
                  TimeUnit.SECONDS);
    }
  }

  private static boolean isJson(HttpRequest request) {
    String type = request.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
    return type.equals("application/json") || type.startsWith("application/json;");
  }

  private static Answer tooLarge() {
    return Answer.text(
        413, "exeat: the request is larger than " + BodyBudget.MOST_OF_ONE + " bytes");
  }

  private void collect(ChannelHandlerContext context, ByteBuf content) {
    int bytes = content.readableBytes();
    ByteArrayOutputStream to = body;
    if (bytes == 0 || to == null) {
      return;
    }
    if (to.size() + bytes > BodyBudget.MOST_OF_ONE) {
      refuse(context, tooLarge());
      return;
    }
    if (!budget.take(bytes)) {
      refuse(context, Answer.text(503, "exeat: too much at once; try again"));
      return;
    }
    taken += bytes;
    try {
      content.readBytes(to, bytes);
    } catch (java.io.IOException e) {
      throw new IllegalStateException("memory cannot be written", e);
    }
  }

  private void end(ChannelHandlerContext context) {
    HttpRequest asked = request;
    ByteArrayOutputStream whole = body;
    if (asked == null || whole == null) {
      return;
    }
    Answer answer =
        asked.method().equals(HttpMethod.GET)
            ? Answer.text(200, "ok")
            : webhook.answer(whole.toByteArray());
    if (told && !asked.method().equals(HttpMethod.GET)) {
      LOG.info("{}", answer.about());
    }
    forget();
    boolean keep = HttpUtil.isKeepAlive(asked);
    write(context, answer, keep, keep ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
  }

  /**
   * Says why and hangs up a moment later, since who still sends would lose the answer; what it
   * sends is dropped.
   */
  private void refuse(ChannelHandlerContext context, Answer answer) {
    LOG.warn("{}", answer.about());
    forget();
    refused = true;
    write(context, answer, true, HttpHeaderValues.CLOSE);
    // A stream holds up no other, and its reset would be taken for the answer.
    boolean stream = context.channel() instanceof Http2StreamChannel;
    var _ =
        context
            .executor()
            .schedule(
                () -> {
                  var _ = context.close();
                },
                stream ? SECONDS_FOR_ONE : SECONDS_TO_READ,
                TimeUnit.SECONDS);
  }

  private static void write(
      ChannelHandlerContext context, Answer answer, boolean open, AsciiString connection) {
    byte[] content = answer.body().getBytes(StandardCharsets.UTF_8);
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.valueOf(answer.status()),
            Unpooled.wrappedBuffer(content));
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, answer.type())
        .set(HttpHeaderNames.CONTENT_LENGTH, content.length)
        .set(HttpHeaderNames.CONNECTION, connection);
    var written = context.writeAndFlush(response);
    if (!open) {
      written.addListener(ChannelFutureListener.CLOSE);
    }
  }

  private void forget() {
    if (late != null) {
      late.cancel(false);
    }
    budget.giveBack(taken);
    taken = 0;
    body = null;
    request = null;
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    forget();
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOG.debug("A connection broke", cause);
    var _ = context.close();
  }
}
