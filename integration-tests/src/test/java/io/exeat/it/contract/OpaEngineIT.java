package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.Needs;
import io.exeat.it.environment.Opa;
import io.exeat.it.environment.OpaBundle;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.EngineContract;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.Reason;
import io.exeat.policy.opa.OpaEngine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The contract of every engine, on a real OPA server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
class OpaEngineIT extends EngineContract {
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String LIMITED =
      """
      package limited
      import rego.v1
      decision := {"decision": "permit", "because": ["limited"]} if data.limits.open
      else := {"decision": "deny", "because": ["limited"], "reason": "not open"}
      """;

  @TempDir private static Path folder;
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

  @Test
  void anotherRevisionOfABundleIsAnotherHashInTheVeryDecisionThatItMakes() throws Exception {
    Path binary = Needs.part("opa", Opa.binary());
    try (OpaBundle bundle = new OpaBundle(binary, folder)) {
      bundle.publish("one", LIMITED, "{\"limits\": {\"open\": true}}");
      try (Opa server = Opa.start(binary, bundle.settings());
          OpaEngine before = limited(server);
          OpaEngine after = limited(server)) {
        await()
            .atMost(SOON)
            .untilAsserted(() -> {
              before.look();
              assertThat(before.served().bundles()).isEqualTo("b at revision 'one'");
            });
        Decision open = before.decide(QUESTION);
        assertThat(open)
            .isEqualTo(
                new Decision.Permit(
                    List.of(new Reason("limited", List.of())), before.served().sha256()));

        // The same policies, by other data; nobody looks before it is decided.
        bundle.publish("two", LIMITED, "{\"limits\": {\"open\": false}}");
        await().atMost(SOON).until(() -> before.decide(QUESTION) instanceof Decision.Deny);

        Decision closed = before.decide(QUESTION);
        after.look();
        assertThat(after.served().bundles()).isEqualTo("b at revision 'two'");
        assertThat(closed.policy()).isEqualTo(after.served().sha256()).isNotEqualTo(open.policy());
      }
    }
  }

  private static OpaEngine limited(Opa server) {
    return new OpaEngine(
        new PolicyConfig.Opa(server.address(), "limited/decision", PolicyEngines.LONG),
        PolicyEngines.TIME);
  }
}
