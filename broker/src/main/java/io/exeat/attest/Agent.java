package io.exeat.attest;

import io.spiffe.spiffeid.SpiffeId;

/**
 * An attested caller: whose identity it is, and which running instance of it.
 *
 * @param instance the process ({@code process …}) or, over mTLS, what it calls itself ({@code mtls
 *     …}) or else the identity itself ({@code mtls}); equal for two calls of the same instance
 */
public record Agent(SpiffeId id, String instance) {}
