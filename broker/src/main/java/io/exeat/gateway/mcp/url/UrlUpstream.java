package io.exeat.gateway.mcp.url;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Use;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Filling;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.gateway.mcp.Upstream;
import io.exeat.task.UpstreamEntry;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP/1.1 to each server: the headers that the catalogue says, MCP's own, and none of the agent's
 * others. Redirects are not followed; nothing is sent twice.
 */
public final class UrlUpstream implements Upstream {
  private static final Logger LOG = LoggerFactory.getLogger(UrlUpstream.class);
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final Trust trust;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ConcurrentMap<Known, HttpClient> clients = new ConcurrentHashMap<>();

  /** Whom a server is known by. */
  public interface Trust {
    /**
     * @param server with {@code ca} or {@code id}, or neither: then the system's authorities count
     */
    SSLContext of(UpstreamEntry.Server.Url server) throws IOException;

    /** Grows with each change of what {@link #of} would give. */
    long version();
  }

  private record Known(Optional<Path> ca, Optional<Object> id, long version) {}

  public UrlUpstream(Trust trust) {
    this.trust = trust;
  }

  @Override
  public Answer send(UpstreamEntry entry, Use use, Outgoing ask) {
    if (!(entry.server() instanceof UpstreamEntry.Server.Url server)) {
      throw new IllegalArgumentException(entry.name() + " has no URL");
    }
    try {
      HttpResponse<InputStream> response =
          client(server).send(request(entry, server, use, ask), BodyHandlers.ofInputStream());
      return new UrlAnswer(response, entry.timeout());
    } catch (IOException e) {
      LOG.debug("{} cannot be reached", entry.name(), e); // the message may hold a header
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

  private static HttpRequest request(
      UpstreamEntry entry, UpstreamEntry.Server.Url server, Use use, Outgoing ask) {
    HttpRequest.Builder request = HttpRequest.newBuilder(server.url()).timeout(entry.timeout());
    ask.headers().forEach(request::setHeader);
    ask.session().ifPresent(it -> request.setHeader("mcp-session-id", it));
    switch (ask) {
      case Outgoing.Post post -> {
        request.setHeader("content-type", "application/json");
        request.setHeader("accept", "application/json, text/event-stream");
        request.POST(BodyPublishers.ofByteArray(post.message().bytes()));
      }
      case Outgoing.Listen _ -> request.setHeader("accept", "text/event-stream").GET();
      case Outgoing.End _ -> request.DELETE();
    }
    Map<String, String> values = Filling.of(use);
    server.headers().forEach((name, template) -> set(request, name, template.fill(values)));
    return request.build();
  }

  /** The library's complaint would quote the value. */
  private static void set(HttpRequest.Builder request, String name, String value) {
    if (!value.chars().allMatch(c -> c >= 0x20 && c < 0x7f)) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.TARGET,
              "what was lent cannot stand in the header " + name + ": it is not printable ASCII",
              AGAIN));
    }
    request.setHeader(name, value);
  }

  private HttpClient client(UpstreamEntry.Server.Url server) throws IOException {
    boolean tls = server.url().getScheme().equals("https");
    Known known =
        tls
            ? new Known(server.ca(), server.id().map(Object.class::cast), trust.version())
            : new Known(Optional.empty(), Optional.empty(), 0);
    HttpClient there = clients.get(known);
    if (there != null) {
      return there;
    }
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .executor(threads);
    if (tls) {
      builder.sslContext(trust.of(server));
    }
    clients.keySet().removeIf(old -> old.version() != 0 && old.version() < known.version());
    return clients.computeIfAbsent(known, _ -> builder.build());
  }

  @Override
  public void close() {
    clients.values().forEach(HttpClient::shutdownNow);
    threads.shutdownNow();
  }
}
