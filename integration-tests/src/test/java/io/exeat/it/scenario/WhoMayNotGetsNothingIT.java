package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With the broker in the sidecar. */
final class WhoMayNotGetsNothingIT extends RefusalScenarios {
  WhoMayNotGetsNothingIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }
}
