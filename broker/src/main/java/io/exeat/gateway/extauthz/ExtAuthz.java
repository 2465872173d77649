package io.exeat.gateway.extauthz;

import io.exeat.attest.Peer;
import io.exeat.envoy.auth.AuthorizationGrpc;
import io.exeat.flow.ProxyRequests;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Served;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.UnixDoor;
import io.exeat.identity.SpiffeTls;
import io.exeat.task.UpstreamEntry;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The door at which Envoys ask. Its health is SERVING from the moment when it answers fast. */
public final class ExtAuthz implements AutoCloseable {
  /** What gRPC's health knows it by. */
  public static final String SERVICE = AuthorizationGrpc.SERVICE_NAME;

  /** A body of 1 MiB, all headers that Envoy takes, and what is around them. */
  private static final int MESSAGE_BYTES = (1 << 20) + (256 << 10);

  private final Runnable close;
  private final int port;
  private final WarmUp warm;

  private ExtAuthz(Runnable close, int port, WarmUp warm) {
    this.close = close;
    this.port = port;
    this.warm = warm;
  }

  /**
   * Opens the door. It serves when this returns.
   *
   * @param tokens whom a JWT-SVID for the configured audience names; throws FaultException
   * @param upstreams the catalogue's of now, by name
   * @throws IOException when the socket's place or the address cannot be had
   */
  public static ExtAuthz open(
      ExtAuthzConfig config,
      SpiffeTls tls,
      Optional<Function<String, SpiffeId>> tokens,
      Function<String, Optional<UpstreamEntry>> upstreams,
      ProxyRequests flow,
      DoorParts parts)
      throws IOException {
    Gatekeeper gatekeeper = new Gatekeeper(new Callers(config.agents(), tokens), upstreams, flow);
    return open(config.door(), tls, gatekeeper, parts, () -> WarmUp.run(config.agents()));
  }

  /** As {@link #open}; nobody can call before {@code warming} has returned. */
  static ExtAuthz open(
      ExtAuthzConfig.Door config,
      SpiffeTls tls,
      Gatekeeper gatekeeper,
      DoorParts parts,
      Supplier<WarmUp> warming)
      throws IOException {
    WarmUp warm = warming.get();
    ExtAuthz open =
        switch (config) {
          case ExtAuthzConfig.Door.Socket it -> {
            Predicate<Peer> envoys =
                peer -> peer instanceof Peer.Local local && it.uids().contains(local.uid());
            UnixDoor door = UnixDoor.forAgents(it.at(), served(envoys, gatekeeper), parts);
            yield new ExtAuthz(door::close, 0, warm);
          }
          case ExtAuthzConfig.Door.Listen it -> {
            Predicate<Peer> envoys =
                peer ->
                    peer instanceof Peer.Tls client
                        && it.envoys().contains(tls.verify(client.chain()));
            TlsDoor door =
                TlsDoor.forClients(
                    it.at(), tls, it.envoys()::contains, served(envoys, gatekeeper), parts);
            yield new ExtAuthz(door::close, door.port(), warm);
          }
        };
    parts.serving().add(SERVICE);
    return open;
  }

  private static Served served(Predicate<Peer> envoys, Gatekeeper gatekeeper) {
    return new Served(
        List.of(new AuthorizationService(envoys, gatekeeper).bindService()),
        peer -> false,
        MESSAGE_BYTES);
  }

  /** The port that it has, for a configuration that says 0; 0 at a socket. */
  public int port() {
    return port;
  }

  /** What made it warm. */
  WarmUp warm() {
    return warm;
  }

  @Override
  public void close() {
    close.run();
  }
}
