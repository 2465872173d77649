package io.exeat.gateway.extauthz;

import io.exeat.gateway.grpc.TlsDoorConfig;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.identity.IdPattern;
import io.spiffe.spiffeid.SpiffeId;
import java.util.Optional;
import java.util.Set;

/**
 * Which Envoys may ask, and for whom.
 *
 * @param agents whom an Envoy may speak for
 * @param audience what a JWT-SVID must be for; empty to take none
 */
public record ExtAuthzConfig(Door door, IdPattern agents, Optional<String> audience) {
  /** Where Envoys call, and which of them are let in. */
  public sealed interface Door {
    /**
     * @param uids that an Envoy runs as
     */
    record Socket(UnixDoorConfig at, Set<Integer> uids) implements Door {
      public Socket {
        uids = Set.copyOf(uids);
      }
    }

    /**
     * @param envoys by their SPIFFE IDs
     */
    record Listen(TlsDoorConfig at, Set<SpiffeId> envoys) implements Door {
      public Listen {
        envoys = Set.copyOf(envoys);
      }
    }
  }
}
