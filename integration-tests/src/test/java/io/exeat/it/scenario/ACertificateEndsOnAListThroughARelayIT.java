package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With the broker behind a relaying sidecar. */
final class ACertificateEndsOnAListThroughARelayIT extends CertificateScenarios {
  ACertificateEndsOnAListThroughARelayIT() {
    super(Deployment.Form.RELAYED);
  }
}
