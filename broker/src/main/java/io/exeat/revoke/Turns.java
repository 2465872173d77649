package io.exeat.revoke;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.credential.FairLane;
import io.exeat.credential.Lanes;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Supplier;

/**
 * Lets what is to be ended to Vault and to the targets by turns of its agents: what one agent
 * leaves behind, however much it is, stands in nobody else's way.
 */
final class Turns {
  /** As long as a call to a target takes at most: what a target holds up, Vault is to end soon. */
  private static final Duration AT_A_TARGET = Duration.ofSeconds(3);

  private static final Duration AT_VAULT = Duration.ofSeconds(10);

  private final FairLane vault =
      new FairLane(Lanes.ENDING, Lanes.ENDING / 2, AT_VAULT, Fault.Dependency.VAULT);
  private final Map<String, TargetVerifier> verifiers;
  private final ConcurrentMap<String, FairLane> targets = new ConcurrentHashMap<>();

  Turns(Map<String, TargetVerifier> verifiers) {
    this.verifiers = verifiers;
  }

  /**
   * Calls Vault when it is the agent's turn.
   *
   * @throws FaultException Unavailable VAULT when that does not come in time, or the call's own
   */
  <T> T atVault(String agent, Supplier<T> call) {
    return vault.in(agent, call);
  }

  /**
   * Calls the verifier when it is the agent's turn there. One place is left to the others.
   *
   * @throws FaultException Unavailable TARGET when that does not come in time, or the call's own
   */
  <T> T at(String target, String agent, Supplier<T> call) {
    return targets.computeIfAbsent(target, this::lane).in(agent, call);
  }

  private FairLane lane(String target) {
    TargetVerifier verifier = verifiers.get(target);
    int width = verifier == null ? 1 : verifier.atOnce();
    return new FairLane(width, Math.max(1, width - 1), AT_A_TARGET, Fault.Dependency.TARGET);
  }
}
