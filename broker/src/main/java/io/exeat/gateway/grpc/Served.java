package io.exeat.gateway.grpc;

import io.grpc.ServerServiceDefinition;
import java.util.List;

/**
 * What a door serves to agents.
 *
 * @param here whether the tasks are in this process, so that reading them waits for nothing
 */
public record Served(List<ServerServiceDefinition> services, boolean here) {

  public Served {
    services = List.copyOf(services);
  }
}
