package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With the broker in the sidecar. */
final class EachActIsDecidedIT extends DecisionScenarios {
  EachActIsDecidedIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }
}
