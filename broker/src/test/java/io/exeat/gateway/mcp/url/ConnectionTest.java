package io.exeat.gateway.mcp.url;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequestEncoder;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.NotSslRecordException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the event loop does when something else comes to it first. */
@NullMarked
final class ConnectionTest {
  private final List<Connection> free = new ArrayList<>();
  private final Connection connection = new Connection(free::add);
  private final EmbeddedChannel channel =
      new EmbeddedChannel(new HttpRequestEncoder(), connection.decoder(), connection);

  /** What a reply closes is another one: as if the connection's own had not come to it yet. */
  private final EmbeddedChannel later = new EmbeddedChannel();

  @AfterEach
  void end() {
    channel.finishAndReleaseAll();
    later.finishAndReleaseAll();
  }

  private static FullHttpRequest request() {
    return new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
  }

  private void answer() {
    channel.writeInbound(
        Unpooled.copiedBuffer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ISO_8859_1));
  }

  @Test
  void aConnectionWhoseAnswerIsWholeIsFree() {
    connection.send(request(), new Reply(later), Duration.ofMinutes(1));

    answer();

    assertThat(free).containsExactly(connection);
    assertThat(channel.isOpen()).isTrue();
  }

  @Test
  void aConnectionWhoseAnswerNobodyWantsIsNotGivenToAnother() {
    Reply reply = new Reply(later);
    connection.send(request(), reply, Duration.ofMinutes(1));
    reply.close();

    answer();

    assertThat(free).isEmpty();
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void whatNobodyWaitsForIsNotWritten() {
    Reply reply = new Reply(later);
    reply.close();

    connection.send(request(), reply, Duration.ofMinutes(1));

    assertThat(channel.outboundMessages()).isEmpty();
    assertThat(channel.isOpen()).isFalse();
  }

  /** A server that speaks first can have done so before the request came to the event loop. */
  @Test
  void whyTlsFailedIsSaidThoughNobodyWaitedYet() {
    SSLException why = new NotSslRecordException("not an SSL/TLS record");
    channel.pipeline().fireExceptionCaught(new DecoderException(why));
    Reply reply = new Reply(later);

    connection.send(request(), reply, Duration.ofMinutes(1));

    assertThatThrownBy(reply::awaitHead).isSameAs(why);
    assertThat(channel.isOpen()).isFalse();
  }
}
