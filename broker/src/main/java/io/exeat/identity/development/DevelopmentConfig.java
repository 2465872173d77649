package io.exeat.identity.development;

import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * A development authority.
 *
 * @param directory where its sockets and public keys are put: {@code workload.sock}, {@code
 *     broker.sock}, {@code admin.sock}, {@code jwks.json}, {@code jwt.pem}, {@code bundle.pem};
 *     made if absent
 * @param brokers whom the Broker API and the Delegated Identity API serve, by exact ID
 * @param entries to begin with
 */
public record DevelopmentConfig(
    Path directory, TrustDomain trustDomain, Set<SpiffeId> brokers, List<Entry> entries) {
  public DevelopmentConfig {
    brokers = Set.copyOf(brokers);
    entries = List.copyOf(entries);
  }
}
