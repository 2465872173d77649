package io.exeat.app;

import io.exeat.base.Time;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.cedar.CedarEngine;
import io.exeat.policy.opa.OpaEngine;
import java.io.IOException;
import java.util.Optional;

/** The doctor's look at what decides: without policies everything is denied. */
final class PolicyCheckup {
  private static final String CHECK = "policy";

  private final Findings findings;
  private final Time time;

  PolicyCheckup(Findings findings, Time time) {
    this.findings = findings;
    this.time = time;
  }

  void look(PolicyConfig config) {
    switch (config) {
      case PolicyConfig.Cedar cedar -> cedar(cedar);
      case PolicyConfig.Opa opa -> opa(opa);
    }
  }

  private void cedar(PolicyConfig.Cedar cedar) {
    String subject = cedar.folder().map(Object::toString).orElse("as shipped");
    String mend = "exeat policy check names every problem; nothing is lent until they are mended";
    try {
      PolicyFiles files =
          cedar.folder().isPresent()
              ? PolicyFiles.read(cedar.folder().get())
              : PolicyFiles.shipped();
      CedarEngine engine = new CedarEngine(cedar.within(), time);
      String sha256 = engine.load(files);
      findings.ok(
          CHECK, subject, "%d policies, hash %s".formatted(engine.policies().size(), sha256));
    } catch (BadPolicy e) {
      findings.wrong(CHECK, subject, String.join("; ", e.problems()), mend);
    } catch (IOException e) {
      findings.wrong(CHECK, subject, "cannot be read: " + e.getMessage(), mend);
    }
  }

  private void opa(PolicyConfig.Opa config) {
    String subject = config.address().toString();
    try (OpaEngine engine = new OpaEngine(config, time)) {
      engine.look();
      Optional<String> problem = engine.health().problem();
      if (problem.isEmpty()) {
        findings.ok(CHECK, subject, "the OPA server has policies");
      } else {
        findings.wrong(
            CHECK,
            subject,
            problem.get(),
            "start the OPA server there, with the policies of deploy/policies or your own");
      }
    }
  }
}
