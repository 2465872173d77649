package io.exeat.journal;

import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;

/**
 * An agent that an operator has stopped: it gets no task until two operators restore it.
 *
 * @param entry its catalogue name, which is its entity's in Vault
 * @param by the operator
 */
public record Kill(SpiffeId agent, String entry, Instant at, String by, String reason) {}
