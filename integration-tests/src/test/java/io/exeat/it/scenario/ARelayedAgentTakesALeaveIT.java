package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With a sidecar that relays to the broker. */
final class ARelayedAgentTakesALeaveIT extends LeaveScenarios {
  ARelayedAgentTakesALeaveIT() {
    super(Deployment.Form.RELAYED);
  }
}
