package io.exeat.flow;

/**
 * What stopping an agent came to so far. It is stopped here in any case.
 *
 * @param ended its tasks
 * @param now how far the rest has come
 * @param recorded whether it is durable in the journal
 */
public record Stopped(Revoked ended, Killed now, boolean recorded) {}
