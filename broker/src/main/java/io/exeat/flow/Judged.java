package io.exeat.flow;

import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What came of asking: on record already when it is a permit.
 *
 * @param allowed there exactly when it is a permit
 */
public record Judged(DecisionId id, Decision decision, Optional<Allowed> allowed) {
  private static final Duration AGAIN = Duration.ofMillis(100);

  /**
   * Leave for the act.
   *
   * @throws FaultException Denied, or Unavailable POLICY, when there is none
   */
  public Allowed orThrow() {
    requirePermit(id, decision);
    return allowed.orElseThrow();
  }

  static void requirePermit(DecisionId id, Decision decision) {
    switch (decision) {
      case Decision.Permit _ -> {}
      case Decision.Ask it ->
          throw new FaultException(
              new Fault.Denied(
                  "%s: needs the approval of %s, then call again: %s"
                      .formatted(id, String.join(" and ", it.approvers()), words(it.because()))));
      case Decision.Deny it ->
          throw new FaultException(new Fault.Denied("%s: %s".formatted(id, it.reason())));
      case Decision.Failed it ->
          throw new FaultException(
              new Fault.Unavailable(Fault.Dependency.POLICY, it.problem(), AGAIN));
    }
  }

  private static String words(List<Reason> because) {
    return String.join(", ", because.stream().map(Reason::toString).toList());
  }
}
