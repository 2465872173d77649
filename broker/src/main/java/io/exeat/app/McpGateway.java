package io.exeat.app;

import io.exeat.attest.Peer;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.flow.Use;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Gateway;
import io.exeat.gateway.mcp.InForce;
import io.exeat.gateway.mcp.McpConfig;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.gateway.mcp.UnixMcpDoor;
import io.exeat.gateway.mcp.Upstream;
import io.exeat.gateway.mcp.stdio.StdioUpstream;
import io.exeat.gateway.mcp.url.UrlUpstream;
import io.exeat.task.UpstreamEntry;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;

/** The MCP gateway with its ways to tool servers and its doors. */
final class McpGateway {
  private final Gateway gateway;

  private McpGateway(Gateway gateway) {
    this.gateway = gateway;
  }

  /**
   * Opens its doors; they serve when this returns.
   *
   * @throws IOException when a socket's place cannot be had
   */
  static McpGateway open(
      McpConfig config,
      Optional<String> group,
      Engine engine,
      Party party,
      FrontDesk front,
      DoorParts parts,
      Time time,
      Closing closing)
      throws IOException {
    Trust trust = closing.later(new Trust(party));
    EventLoopGroup own = Loops.of("exeat-tools", 2, closing); // a cut waits for no decision
    Upstream upstreams =
        closing.later(
            new Ways(new UrlUpstream(trust, own, parts.calls(), time), new StdioUpstream(time)));
    PolicyWatch policy = engine.policy();
    InForce inForce = new InForce(engine.catalogue(), () -> policy.sha256().orElse(""));
    Gateway gateway = new Gateway(inForce, front, upstreams, time);
    for (Path socket : config.sockets()) {
      closing.later(UnixMcpDoor.open(socket, group, gateway, parts));
    }
    return new McpGateway(gateway);
  }

  /** Has clients told whose lists are others now; to be called about once a second. */
  void look() {
    gateway.look();
  }

  /** What an operator should look at; empty when there is nothing. */
  Optional<String> problem() {
    Map<String, String> pending = gateway.pending();
    return pending.isEmpty()
        ? Optional.empty()
        : Optional.of(
            pending.entrySet().stream()
                .map(each -> each.getKey() + ": " + each.getValue())
                .collect(Collectors.joining("; ")));
  }

  /** To each kind of server its own way. */
  private record Ways(Upstream url, Upstream stdio) implements Upstream {
    @Override
    public void require(UpstreamEntry entry, Peer peer) {
      switch (entry.server()) {
        case UpstreamEntry.Server.Url _ -> url.require(entry, peer);
        case UpstreamEntry.Server.Command _ -> stdio.require(entry, peer);
      }
    }

    @Override
    public Answer send(UpstreamEntry entry, Use use, Outgoing ask) {
      return switch (entry.server()) {
        case UpstreamEntry.Server.Url _ -> url.send(entry, use, ask);
        case UpstreamEntry.Server.Command _ -> stdio.send(entry, use, ask);
      };
    }

    @Override
    public void close() {
      try (url) {
        stdio.close();
      }
    }
  }

  /** A server with an SVID sees ours; others are known by an authority, and see none. */
  private static final class Trust implements UrlUpstream.Trust, AutoCloseable {
    private final Party party;
    private final AtomicLong version = new AtomicLong(1);
    private final Subscription watch;

    Trust(Party party) {
      this.party = party;
      this.watch = party.identity().onChange(version::incrementAndGet);
    }

    @Override
    public SSLContext of(UpstreamEntry.Server.Url server) throws SSLException {
      return server.id().isPresent()
          ? party.tls().context(server.id().get()::equals)
          : VaultTrust.plain(VaultTrust.read(server.ca()));
    }

    @Override
    public long version() {
      return version.get();
    }

    @Override
    public void close() {
      watch.close();
    }
  }
}
