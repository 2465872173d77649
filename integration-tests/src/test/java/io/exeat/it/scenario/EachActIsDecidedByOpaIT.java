package io.exeat.it.scenario;

import static java.util.Objects.requireNonNull;

import io.exeat.it.Needs;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Opa;
import io.exeat.policy.PolicyFiles;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * With a broker that asks an OPA server, which has the policies that ship; a sidecar relays, so
 * that people may say yes.
 */
final class EachActIsDecidedByOpaIT extends DecisionScenarios {
  private static @Nullable Opa opa;
  private static @Nullable Deployment decidedByOpa;

  @BeforeAll
  static void start() {
    Opa server = Opa.start(Needs.part("opa", Opa.binary()));
    opa = server;
    server.policy("exeat", PolicyFiles.resource("exeat.rego"));
    decidedByOpa =
        Deployment.start(Deployment.Plan.of(Deployment.Form.RELAYED).withOpa(server.address()));
  }

  EachActIsDecidedByOpaIT() {
    super(requireNonNull(decidedByOpa), "standard");
  }

  @AfterAll
  static void stop() {
    if (decidedByOpa != null) {
      decidedByOpa.close();
    }
    if (opa != null) {
      opa.close();
    }
  }
}
