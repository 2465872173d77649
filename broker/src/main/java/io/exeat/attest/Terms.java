package io.exeat.attest;

import io.exeat.base.Time;
import io.exeat.identity.SpiffeTransport;
import io.spiffe.spiffeid.SpiffeId;
import java.util.function.Predicate;

/**
 * On what terms processes are vouched for, the same for all of them.
 *
 * @param agents whom the issuer may answer with
 */
record Terms(
    Issuer issuer,
    Predicate<SpiffeId> agents,
    AttestConfig.Timing timing,
    SpiffeTransport transport,
    Time time) {}
