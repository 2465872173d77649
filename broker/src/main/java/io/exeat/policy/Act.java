package io.exeat.policy;

import java.util.Optional;

/**
 * What is about to happen, as a door sees it. Everything else in a {@link Question} is known to the
 * broker, and comes from nobody else.
 *
 * @param tool the tool's name; empty when no tool is used
 * @param arguments what the tool, the statement or the request is given
 * @param grant the grant that it is done under, by its catalogue name; empty for every grant of the
 *     scope that names the tool
 * @param destination the host that something is sent to; empty for where the grant or the tool
 *     leads
 * @param door by which it came
 */
public record Act(
    Action action,
    Optional<String> tool,
    Arguments arguments,
    Optional<String> grant,
    Optional<String> destination,
    Door door) {
  /** The use of a tool. */
  public static Act call(String tool, Arguments arguments, Door door) {
    return new Act(
        Action.CALL, Optional.of(tool), arguments, Optional.empty(), Optional.empty(), door);
  }

  /** Something done under a grant without a tool. */
  public static Act under(String grant, Action action, Arguments arguments, Door door) {
    return new Act(action, Optional.empty(), arguments, Optional.of(grant), Optional.empty(), door);
  }
}
