package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Opa;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.EngineContract;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.opa.OpaEngine;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The contract of every engine, on a real OPA server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
class OpaEngineIT extends EngineContract {
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());
  private Opa opa;
  private OpaEngine shipped;

  @BeforeAll
  void start() {
    opa = Opa.start(Needs.part("opa", Opa.binary()));
    opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
    shipped = engine("exeat/decision", PolicyEngines.LONG);
  }

  @AfterAll
  void stop() {
    if (opa != null) {
      opa.close();
    }
  }

  private OpaEngine engine(String decision, Duration within) {
    OpaEngine engine =
        new OpaEngine(new PolicyConfig.Opa(opa.address(), decision, within), PolicyEngines.TIME);
    engine.look();
    return engine;
  }

  @Override
  protected PolicyEngine shipped() {
    return shipped;
  }

  @Override
  protected PolicyEngine forbidding(Flip flip) {
    String name = "flip_" + flip.attribute().replace('.', '_');
    opa.policy(
        name,
        """
        package %s
        import rego.v1
        decision := {"decision": "deny", "because": ["flip"], "reason": "flipped"} if { %s }
        else := {"decision": "permit", "because": ["all"]}
        """
            .formatted(name, flip.rego()));
    return engine(name + "/decision", PolicyEngines.LONG);
  }

  @Test
  void whatIsNotThereIsNoAnswer() {
    assertThat(engine("exeat/nothing", PolicyEngines.LONG).decide(QUESTION))
        .isInstanceOf(Decision.Failed.class);
  }

  @Test
  void aLateAnswerIsNone() {
    assertThat(engine("exeat/decision", Duration.ofNanos(1)).decide(QUESTION))
        .isInstanceOf(Decision.Failed.class);
  }

  @Test
  void aServerThatIsGoneDeniesAndHealthSaysSo() {
    Opa other = Opa.start(Opa.binary().orElseThrow());
    other.policy("exeat", PolicyFiles.resource("exeat.rego"));
    OpaEngine engine =
        new OpaEngine(
            new PolicyConfig.Opa(other.address(), "exeat/decision", PolicyEngines.LONG),
            PolicyEngines.TIME);
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class); // not looked at yet
    engine.look();
    assertThat(engine.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(engine.health().available()).isTrue();
    other.close();
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
    engine.look();
    assertThat(engine.health().problem().orElseThrow()).contains("everything is denied");
  }

  @Test
  void anotherPolicyIsAnotherHash() {
    String before = engine("exeat/decision", PolicyEngines.LONG).decide(QUESTION).policy();
    opa.policy("more", "package more\nx := 1");
    String after = engine("exeat/decision", PolicyEngines.LONG).decide(QUESTION).policy();
    opa.remove("more");
    assertThat(before).hasSize(64).isNotEqualTo(after);
  }
}
