package io.exeat.task;

import io.spiffe.spiffeid.SpiffeId;
import java.util.Map;
import java.util.Optional;

/**
 * What may be lent, for what, and to whom: {@code catalogue.yaml}, read whole or refused whole.
 * Every name that an entry refers to exists.
 */
public record Catalogue(
    Map<String, Target> targets,
    Map<String, Grant> grants,
    Map<String, Intent> intents,
    Map<String, AgentEntry> agents,
    Map<String, Tool> tools,
    Map<String, UpstreamEntry> upstreams) {
  /** Without tool servers. */
  public Catalogue(
      Map<String, Target> targets,
      Map<String, Grant> grants,
      Map<String, Intent> intents,
      Map<String, AgentEntry> agents,
      Map<String, Tool> tools) {
    this(targets, grants, intents, agents, tools, Map.of());
  }

  public Catalogue {
    targets = Map.copyOf(targets);
    grants = Map.copyOf(grants);
    intents = Map.copyOf(intents);
    agents = Map.copyOf(agents);
    tools = Map.copyOf(tools);
    upstreams = Map.copyOf(upstreams);
  }

  /**
   * The entry of the agent with this SPIFFE ID; without one, an attested agent may hold nothing.
   */
  public Optional<AgentEntry> agent(SpiffeId id) {
    return agents.values().stream().filter(entry -> entry.id().equals(id)).findAny();
  }
}
