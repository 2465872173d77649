package io.exeat.it.scenario;

import io.exeat.it.environment.Deployment;

/** With the broker in the sidecar. */
final class WhatEndsIsDeadIT extends EndScenarios {
  WhatEndsIsDeadIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }
}
