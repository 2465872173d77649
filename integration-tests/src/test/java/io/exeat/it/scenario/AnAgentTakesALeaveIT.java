package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With the broker in the sidecar. */
final class AnAgentTakesALeaveIT extends LeaveScenarios {
  AnAgentTakesALeaveIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }
}
