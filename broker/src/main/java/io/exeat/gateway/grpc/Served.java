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
 * @param messageBytes of one message at most
 */
public record Served(
    List<ServerServiceDefinition> services, Predicate<Peer> fromMemory, int messageBytes) {

  /** With messages as agents send them. */
  public Served(List<ServerServiceDefinition> services, Predicate<Peer> fromMemory) {
    this(services, fromMemory, Limits.MESSAGE_BYTES);
  }

  public Served {
    services = List.copyOf(services);
  }
}
