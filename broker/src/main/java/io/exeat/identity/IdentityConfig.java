package io.exeat.identity;

import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Where the broker gets its own identity: a SPIFFE Workload API, SPIRE's or the development
 * authority's.
 *
 * @param socket the Workload API's Unix socket
 * @param id the broker's own SPIFFE ID; an SVID of any other ID is never taken for it
 * @param hint the own SVID's hint, or empty when any will do
 * @param firstUpdateWithin how long starting may wait for the first SVID; 30 s is usual, because
 *     SPIRE tells a new entry after 6 to 8 s
 */
public record IdentityConfig(Path socket, SpiffeId id, String hint, Duration firstUpdateWithin) {}
