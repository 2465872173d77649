package io.exeat.gateway.mcp.url;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.flow.Use;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Filling;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.gateway.mcp.Upstream;
import io.exeat.task.UpstreamEntry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP/1.1 to each server: the headers that the catalogue says, MCP's own, and none of the agent's
 * others. Redirects are not followed; nothing is sent twice.
 */
public final class UrlUpstream implements Upstream {
  private static final Logger LOG = LoggerFactory.getLogger(UrlUpstream.class);
  private static final Duration AGAIN = Duration.ofSeconds(1);
  private static final String JSON = "application/json";
  private static final String EVENTS = "text/event-stream";

  private final Trust trust;
  private final EventLoopGroup loops;
  private final Executor work;
  private final TlsComplaints complaints;
  private final ConcurrentMap<Known, Connections> servers = new ConcurrentHashMap<>();

  /** Whom a server is known by. */
  public interface Trust {
    /**
     * @param server with {@code ca} or {@code id}, or neither: then the system's authorities count
     */
    SSLContext of(UpstreamEntry.Server.Url server) throws IOException;

    /** Grows with each change of what {@link #of} would give. */
    long version();
  }

  private record Known(
      String host, int port, Optional<Path> ca, Optional<Object> id, long version) {}

  /**
   * @param loops of Netty's epoll transport; a cut waits for whatever else they do
   * @param work for what takes longer than a loop should
   */
  public UrlUpstream(Trust trust, EventLoopGroup loops, Executor work, Time time) {
    this.trust = trust;
    this.loops = loops;
    this.work = work;
    this.complaints = new TlsComplaints(LOG, time);
  }

  @Override
  public Answer send(UpstreamEntry entry, Use use, Outgoing ask) {
    if (!(entry.server() instanceof UpstreamEntry.Server.Url server)) {
      throw new IllegalArgumentException(entry.name() + " has no URL");
    }
    try {
      while (true) {
        Reply reply = connections(server).send(request(server, use, ask), entry.timeout());
        try {
          return new UrlAnswer(reply.awaitHead(), reply, entry.timeout());
        } catch (Reply.Unsent e) {
          reply.close(); // it had been free; of those there are fewer each time
        } catch (IOException | InterruptedException e) {
          reply.close();
          throw e;
        }
      }
    } catch (IOException e) {
      LOG.debug("{} cannot be reached", entry.name(), e);
      if (e instanceof SSLException tls) {
        complaints.say(entry.name(), server, tls);
      }
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.TARGET,
              "the tool server " + entry.name() + " does not answer",
              AGAIN));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FaultException(new Fault.NotServing("stopping"), e);
    }
  }

  private static FullHttpRequest request(UpstreamEntry.Server.Url server, Use use, Outgoing ask) {
    Map<String, String> values = Filling.of(use);
    HttpHeaders headers = new DefaultHttpHeaders();
    ask.headers().forEach(headers::set);
    ask.session().ifPresent(it -> headers.set("mcp-session-id", it));
    server.headers().forEach((name, template) -> set(headers, name, template.fill(values)));
    headers.set(HttpHeaderNames.HOST, server.url().getRawAuthority());
    headers.set(HttpHeaderNames.USER_AGENT, "exeat");
    headers.set(HttpHeaderNames.ACCEPT, EVENTS);
    return switch (ask) {
      case Outgoing.Post post -> {
        byte[] body = post.message().bytes();
        headers.set(HttpHeaderNames.CONTENT_TYPE, JSON);
        headers.set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        headers.set(HttpHeaderNames.ACCEPT, JSON + ", " + EVENTS);
        yield request(server, HttpMethod.POST, Unpooled.wrappedBuffer(body), headers);
      }
      case Outgoing.Listen _ -> request(server, HttpMethod.GET, Unpooled.EMPTY_BUFFER, headers);
      case Outgoing.End _ -> request(server, HttpMethod.DELETE, Unpooled.EMPTY_BUFFER, headers);
    };
  }

  private static FullHttpRequest request(
      UpstreamEntry.Server.Url server, HttpMethod method, ByteBuf body, HttpHeaders headers) {
    String path = server.url().getRawPath().isEmpty() ? "/" : server.url().getRawPath();
    String query = server.url().getRawQuery();
    return new DefaultFullHttpRequest(
        HttpVersion.HTTP_1_1,
        method,
        query == null ? path : path + "?" + query,
        body,
        headers,
        EmptyHttpHeaders.INSTANCE);
  }

  /** The library's complaint would quote the value. */
  private static void set(HttpHeaders headers, String name, String value) {
    if (!value.chars().allMatch(c -> c >= 0x20 && c < 0x7f)) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.TARGET,
              "what was lent cannot stand in the header " + name + ": it is not printable ASCII",
              AGAIN));
    }
    headers.set(name, value);
  }

  private Connections connections(UpstreamEntry.Server.Url server) throws IOException {
    URI url = server.url();
    boolean tls = url.getScheme().equals("https");
    int port = url.getPort() >= 0 ? url.getPort() : tls ? 443 : 80;
    Known known =
        tls
            ? new Known(
                url.getHost(),
                port,
                server.ca(),
                server.id().map(Object.class::cast),
                trust.version())
            : new Known(url.getHost(), port, Optional.empty(), Optional.empty(), 0);
    Connections there = servers.get(known);
    if (there != null) {
      return there;
    }
    SSLContext context = tls ? trust.of(server) : null;
    servers.forEach((old, connections) -> {
      if (old.version() != 0
          && old.version() < known.version()
          && servers.remove(old, connections)) {
        connections.close();
      }
    });
    return servers.computeIfAbsent(
        known, it -> new Connections(loops, work, bare(it.host()), it.port(), context));
  }

  /** Of an IPv6 address a URL has brackets around it. */
  private static String bare(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  @Override
  public void close() {
    servers.values().forEach(Connections::close);
  }
}
