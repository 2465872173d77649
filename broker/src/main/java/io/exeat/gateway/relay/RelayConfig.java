package io.exeat.gateway.relay;

import io.spiffe.spiffeid.SpiffeId;

/**
 * Where a sidecar relays to ({@code relay.to}).
 *
 * @param broker the only SPIFFE ID that is taken for the broker's
 */
public record RelayConfig(String host, int port, SpiffeId broker) {}
