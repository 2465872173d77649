package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With a sidecar that relays to the broker. */
final class EachActIsDecidedThroughARelayIT extends DecisionScenarios {
  EachActIsDecidedThroughARelayIT() {
    super(Deployment.Form.RELAYED);
  }
}
