package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.grpc.ServerServiceDefinition;
import java.util.List;
import java.util.function.Predicate;

/**
 * What a door serves to agents.
 *
 * @param fromMemory whether reading this peer's tasks waits for nothing just now, so that it may be
 *     done on the connection's event loop
 * @param decides the same of beginning to decide about an act of the peer's
 * @param messageBytes of one message at most
 */
public record Served(
    List<ServerServiceDefinition> services,
    Predicate<Peer> fromMemory,
    Predicate<Peer> decides,
    int messageBytes) {

  /** The same, with messages as agents send them. */
  public Served(List<ServerServiceDefinition> services, Predicate<Peer> fromMemory) {
    this(services, fromMemory, Limits.MESSAGE_BYTES);
  }

  /** With a thread for each decision. */
  public Served(
      List<ServerServiceDefinition> services, Predicate<Peer> fromMemory, int messageBytes) {
    this(services, fromMemory, peer -> false, messageBytes);
  }

  public Served {
    services = List.copyOf(services);
  }
}
