package io.exeat.policy.cedar;

import io.exeat.policy.EngineContract;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;

class CedarContractTest extends EngineContract {
  private static final PolicyEngine SHIPPED = PolicyEngines.shipped();

  @Override
  protected PolicyEngine shipped() {
    return SHIPPED;
  }

  @Override
  protected PolicyEngine forbidding(Flip flip) {
    return PolicyEngines.of(
        "@id(\"all\") permit (principal, action, resource);\n"
            + "@id(\"flip\") forbid (principal, action, resource) when { "
            + flip.cedar()
            + " };");
  }
}
