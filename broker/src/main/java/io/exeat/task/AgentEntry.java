package io.exeat.task;

import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.Set;

/**
 * An agent's ceiling: everything that it may ever ask for. No owner, no entry.
 *
 * @param name {@code [a-z0-9-]}, 1 to 63 characters; also the name of its Vault token role and
 *     entity
 * @param owner who answers for the agent
 * @param approvers whose yes is the owner's: SPIFFE IDs, and {@code uid <n>} of the operators'
 *     socket
 * @param escalation whom to reach when it misbehaves
 * @param grants names of the grants that its tasks may hold
 * @param intents names of the intents that it may declare
 * @param maxLifetime the longest task
 * @param budget how much of everything at a time
 * @param bindings what its task handles may be bound to
 * @param tier which of the policies that ship with Exeat speak of it
 */
public record AgentEntry(
    String name,
    SpiffeId id,
    String owner,
    Set<String> approvers,
    String escalation,
    Set<String> grants,
    Set<String> intents,
    Duration maxLifetime,
    Budget budget,
    Set<Binding> bindings,
    Tier tier) {
  public AgentEntry {
    approvers = Set.copyOf(approvers);
    grants = Set.copyOf(grants);
    intents = Set.copyOf(intents);
    bindings = Set.copyOf(bindings);
  }
}
