package io.exeat.gateway.grpc;

import java.nio.file.Path;
import java.util.Set;

/**
 * Where operators of this host call.
 *
 * @param socket mode 0600, in a directory as for {@link UnixDoorConfig}
 * @param uids that may act as operators; the default is the broker's own and 0
 */
public record AdminSocketConfig(Path socket, Set<Integer> uids) {

  public AdminSocketConfig {
    uids = Set.copyOf(uids);
  }
}
