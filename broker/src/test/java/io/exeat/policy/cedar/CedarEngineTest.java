package io.exeat.policy.cedar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Time;
import io.exeat.policy.Arguments;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.Reason;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CedarEngineTest {
  private static final String ALL = "@id(\"all\") permit (principal, action, resource);\n";
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());

  @Test
  void withoutPoliciesEverythingIsDenied() {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
    assertThat(engine.health().available()).isFalse();
  }

  /** What Cedar's own code decides takes longer than an event loop has. */
  @Test
  void itDecidesHereWhereAllOfItsPoliciesAreTranslated() {
    assertThat(new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME).isHere()).isFalse();
    assertThat(PolicyEngines.of(ALL).isHere()).isTrue();

    CedarEngine mixed =
        PolicyEngines.of(
            ALL
                + "@id(\"ext\") forbid (principal, action == Exeat::Action::\"open\", resource)"
                + " when { decimal(\"1.0\").greaterThan(decimal(\"2.0\")) };");
    assertThat(mixed.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(mixed.isHere()).isFalse();
  }

  @Test
  void whatNoPolicyPermitsIsDenied() {
    CedarEngine engine =
        PolicyEngines.of(
            "@id(\"other\") permit (principal, action == Exeat::Action::\"open\", resource);");
    assertThat(engine.decide(QUESTION))
        .isEqualTo(new Decision.Deny("no policy permits it", List.of(), engine.sha256()));
  }

  @Test
  void theReasonsNamePoliciesAndWhatTheyLookAt() {
    CedarEngine engine =
        PolicyEngines.of(
            ALL
                + """
                @id("no") @reason("not with that")
                forbid (principal, action, resource) when {
                  principal.tier == "standard" && context.arguments.hasTag("customer")
                  && context.history.calls < 5 };
                """);
    assertThat(engine.decide(QUESTION))
        .isEqualTo(
            new Decision.Deny(
                "not with that",
                List.of(
                    new Reason("no", List.of("agent.tier", "arguments.customer", "history.calls"))),
                engine.sha256()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "permit (principal",
        "permit (principal, action, resource) when { principal.teir == \"x\" };",
        "@id(\"a\") permit (principal, action, resource) when { principal.teir == \"x\" };",
        "@id(\"a\") permit (principal, action, resource) when { context.risk == \"high\" };",
        "@id(\"a\") permit (principal, action == Exeat::Action::\"fly\", resource);",
        "@id(\"a\") permit (principal, action, resource) when { context.arguments.getTag(\"x\") =="
            + " \"y\" };",
        "@id(\"a\") permit (principal, action, resource); @id(\"a\") forbid (principal, action,"
            + " resource);",
        "permit (principal, action, resource);",
        "@id(\"A B\") permit (principal, action, resource);",
        "@id(\"a\") permit (principal == ?principal, action, resource);",
        "@id(\"a\") permit (principal, action, resource) when { principal.attestation.uid == 0 };",
        "@id(\"a\") @ask(\"ownr\") forbid (principal, action, resource);",
        "@id(\"a\") @ask(\"owner\") permit (principal, action, resource);",
        "",
        "// nothing"
      })
  void aSetThatDoesNotParseOrTypeCheckIsNotTaken(String policies) {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    BadPolicy refused = refusal(engine, policies);
    assertThat(refused.problems()).isNotEmpty();
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }

  @Test
  void aBrokenSetLeavesTheLastGoodOneAndShowsItsAge() {
    AtomicLong now = new AtomicLong();
    Time time = new Time(() -> Instant.ofEpochSecond(now.get()), now::get);
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, time);
    load(engine, ALL);
    String before = engine.sha256();
    now.set(10);
    assertThat(refusal(engine, "permit (")).isNotNull();
    now.set(20);
    assertThat(refusal(engine, "permit ((")).isNotNull();
    assertThat(engine.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(engine.decide(QUESTION).policy()).isEqualTo(before);
    assertThat(engine.health().problem().orElseThrow()).contains("still in force");
    assertThat(engine.health().since()).isEqualTo(Instant.ofEpochSecond(10));
    load(engine, ALL + "// mended");
    assertThat(engine.health().available()).isTrue();
    assertThat(engine.decide(QUESTION).policy()).isNotEqualTo(before);
  }

  @Test
  void aSetThatFailsItsOwnCasesIsNotTaken() {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    PolicyFiles files =
        PolicyEngines.files(
            ALL,
            Map.of(
                "a.cases.yaml", "cases: [{name: one, expect: deny}, {name: two, expect: permit}]"));
    BadPolicy refused = catchThrowableOfType(BadPolicy.class, () -> engine.load(files));
    assertThat(refused.problems())
        .containsExactly("a.cases.yaml: one: expected deny, was permit by [all]");
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }

  /** The form that docs/policy.md gives: what is no whole number is above every limit. */
  @ParameterizedTest
  @ValueSource(strings = {"1001", "1001.0", "1.001e3", "1000.5", "\"1001\"", "1e30", "true", "[1]"})
  void aLimitIsNotDodgedByTheWayANumberIsWritten(String amount) throws Exception {
    CedarEngine engine =
        PolicyEngines.of(
            ALL
                + """
                @id("limit") forbid (principal, action, resource)
                unless { context.numbers.hasTag("amount") && context.numbers.getTag("amount") <= 1000 };
                """);
    assertThat(engine.decide(paying(amount)).word()).isEqualTo("deny");
    assertThat(engine.decide(paying("1e3")).word()).isEqualTo("permit");
  }

  /**
   * What policies say beside {@code ALL}, and whether a call may be permitted with some arguments.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      textBlock =
          """
          forbid (principal, action, resource) unless { context.numbers.hasTag("amount") && context.numbers.getTag("amount") <= 1000 }; ~ true
          forbid (principal, action, resource) unless { context.arguments.hasTag("to") };                    ~ true
          forbid (principal, action, resource) when { context.arguments_sha256 != "5f1c" };                  ~ true
          forbid (principal, action, resource) when { !context.omitted.contains("x") };                      ~ true
          @ask("owner") forbid (principal, action, resource) unless { context.approvals.contains("owner") };   ~ true
          forbid (principal, action, resource);                                                              ~ false
          forbid (principal, action, resource) when { context.risk >= 0 };                                   ~ false
          forbid (principal, action, resource) when { context.risk >= 0 || context.arguments.hasTag("to") }; ~ false
          forbid (principal, action, resource) when { context.arguments.hasTag("to") || context.risk >= 0 }; ~ false
          forbid (principal, action, resource) when { context.risk < 0 && context.arguments.hasTag("to") };  ~ true
          forbid (principal, action, resource) when { ip("127.0.0.1").isLoopback() };                        ~ false
          forbid (principal, action, resource) unless { ip("127.0.0.1").isLoopback() && context.arguments.hasTag("to") }; ~ true
          """)
  void whatIsForeseenIsDeniedOnlyIfAnyArgumentsAre(String forbid, boolean may) {
    CedarEngine engine = PolicyEngines.of(ALL + "@id(\"no\") " + forbid);
    Question bare = bare(QUESTION);
    assertThat(engine.decide(bare).word())
        .isIn(forbid.contains("risk < 0") ? List.of("permit") : List.of("deny", "ask"));
    assertThat(engine.foresee(bare).word()).isIn(may ? List.of("permit", "ask") : List.of("deny"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          context.arguments.hasTag("to")                                     | true
          context.arguments.hasTag("to") && context.risk >= 0                | true
          context.arguments.hasTag("to") && context.risk < 0                 | false
          context.risk < 0 && context.arguments.hasTag("to")                 | false
          context.tool == "another" && context.arguments.hasTag("to")        | false
          principal.name == "another" && context.arguments.hasTag("to")      | false
          if context.arguments.hasTag("to") then true else false             | true
          """)
  void aPermitThatLooksAtArgumentsMayPermit(String when, boolean may) {
    CedarEngine engine =
        PolicyEngines.of("@id(\"some\") permit (principal, action, resource) when {" + when + "};");
    assertThat(engine.decide(bare(QUESTION)).word()).isEqualTo("deny");
    assertThat(engine.foresee(bare(QUESTION)).word()).isEqualTo(may ? "permit" : "deny");
  }

  private static Question bare(Question question) {
    ObjectNode json = QuestionJson.write(question);
    json.set("arguments", QuestionJson.write(QUESTION).get("arguments"));
    ObjectNode none = (ObjectNode) json.get("arguments");
    none.putObject("texts");
    none.putObject("numbers");
    return QuestionJson.read(json);
  }

  private static Question paying(String amount) throws IOException {
    JsonNode json =
        JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build()
            .readTree("{\"amount\":" + amount + "}");
    ObjectNode question = CaseSuite.example();
    Arguments arguments = Arguments.of(json);
    ObjectNode at = (ObjectNode) question.get("arguments");
    arguments.texts().forEach(at.putObject("texts")::put);
    arguments.numbers().forEach(at.putObject("numbers")::put);
    return QuestionJson.read(question);
  }

  @Test
  void aLateDecisionIsNone() {
    AtomicLong nanos = new AtomicLong();
    Time time = new Time(() -> Instant.EPOCH, () -> nanos.getAndAdd(6_000_000));
    CedarEngine engine = new CedarEngine(Duration.ofMillis(5), time);
    load(engine, ALL);
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }

  @Test
  void aPolicyThatErrsIsNoAnswer() {
    CedarEngine engine =
        PolicyEngines.of(
            ALL
                + "@id(\"sum\") forbid (principal, action, resource) when"
                + " { context.task.epoch + 9223372036854775807 < 0 };");
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }

  @Test
  void whatIsChosenForAQuestionDecidesAsTheWholeSetDoes() throws Exception {
    // Every rule of the shipped set behind conditions that select nothing must not change answers.
    String more =
        java.util.stream.IntStream.range(0, 60)
            .mapToObj(i ->
                "@id(\"tool-%d\") forbid (principal, action == Exeat::Action::\"call\", resource) when { context.tool == \"tool%d\" };\n"
                    .formatted(i, i))
            .collect(java.util.stream.Collectors.joining());
    CedarEngine engine = PolicyEngines.of(ALL + more);
    var question = CaseSuite.example();
    assertThat(engine.decide(QuestionJson.read(question)).word()).isEqualTo("permit");
    question.put("tool", "tool59");
    assertThat(engine.decide(QuestionJson.read(question)).word()).isEqualTo("deny");
    question.put("action", "read");
    assertThat(engine.decide(QuestionJson.read(question)).word()).isEqualTo("permit");
  }

  private static void load(CedarEngine engine, String policies) {
    try {
      engine.load(PolicyEngines.files(policies, Map.of()));
    } catch (BadPolicy e) {
      throw new IllegalStateException(e);
    }
  }

  private static BadPolicy refusal(CedarEngine engine, String policies) {
    return catchThrowableOfType(
        BadPolicy.class, () -> engine.load(PolicyEngines.files(policies, Map.of())));
  }
}
