package io.exeat.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What every engine must do: decide each case as it says, with the policies that ship, and let any
 * attribute alone flip a decision.
 */
public abstract class EngineContract {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Every attribute of a question: another value for it, and what a policy says to forbid just that
   * value, in Cedar and in Rego.
   */
  public record Flip(String attribute, String value, String cedar, String rego) {}

  static final List<Flip> FLIPS =
      List.of(
          flip("action", "\"issue\"", "action == Exeat::Action::\"issue\""),
          flip(
              "agent.id",
              "\"spiffe://a.org/b\"",
              "principal == Exeat::Agent::\"spiffe://a.org/b\""),
          flip("agent.name", "\"x\"", "principal.name == \"x\""),
          flip("agent.owner", "\"x\"", "principal.owner == \"x\""),
          flip("agent.tier", "\"planner\"", "principal.tier == \"planner\""),
          flip("agent.attestation.kind", "\"mtls\"", "principal.attestation.kind == \"mtls\""),
          flip(
              "agent.attestation.uid",
              "0",
              "principal.attestation has uid && principal.attestation.uid == 0"),
          flip(
              "agent.attestation.trust_domain",
              "\"partner.org\"",
              "principal.attestation.trust_domain == \"partner.org\""),
          flip(
              "agent.attestation.gid",
              "0",
              "principal.attestation has gid && principal.attestation.gid == 0"),
          flip(
              "task.id",
              "\"t00000000000000000001\"",
              "context.task.id == \"t00000000000000000001\""),
          flip("task.intent", "\"x\"", "context.task.intent == \"x\""),
          new Flip(
              "task.parameters",
              "{\"ticket\": \"1\"}",
              "context.task.parameters.hasTag(\"ticket\") &&"
                  + " context.task.parameters.getTag(\"ticket\") == \"1\"",
              "input.task.parameters.ticket == \"1\""),
          set("task.scope", "context.task.scope"),
          flip("task.epoch", "2", "context.task.epoch == 2"),
          flip("task.depth", "1", "context.task.depth == 1"),
          flip("task.age_ms", "7", "context.task.age_ms == 7"),
          flip("task.lifetime_ms", "7", "context.task.lifetime_ms == 7"),
          flip("tool", "\"x\"", "context.tool == \"x\""),
          new Flip(
              "arguments.texts",
              "{\"customer\": \"x\"}",
              "context.arguments.hasTag(\"customer\") &&"
                  + " context.arguments.getTag(\"customer\") == \"x\"",
              "input.arguments.texts.customer == \"x\""),
          new Flip(
              "arguments.numbers",
              "{\"limit\": 11}",
              "context.numbers.hasTag(\"limit\") && context.numbers.getTag(\"limit\") > 10",
              "input.arguments.numbers.limit > 10"),
          new Flip(
              "arguments.omitted",
              "[\"x\"]",
              "context.omitted.contains(\"x\")",
              "\"x\" in input.arguments.omitted"),
          new Flip(
              "arguments.sha256",
              "\"ab12\"",
              "context.arguments_sha256 == \"ab12\"",
              "input.arguments.sha256 == \"ab12\""),
          flip("resource.kind", "\"intent\"", "resource is Exeat::Intent"),
          flip("resource.name", "\"x\"", "resource.name == \"x\""),
          flip("resource.system", "\"x\"", "resource.system == \"x\""),
          flip("resource.data_class", "\"x\"", "resource.data_class == \"x\""),
          flip("resource.environment", "\"x\"", "resource.environment == \"x\""),
          set("resource.actions", "resource.actions"),
          flip("source.door", "\"http\"", "context.source.door == \"http\""),
          flip("source.outside", "true", "context.source.outside"),
          flip("destination.host", "\"x\"", "context.destination.host == \"x\""),
          flip("destination.outside", "true", "context.destination.outside"),
          flip("step", "\"execute\"", "context.step == \"execute\""),
          flip("history.calls", "9", "context.history.calls > 8"),
          flip("history.retries", "9", "context.history.retries == 9"),
          flip("history.branches", "9", "context.history.branches == 9"),
          flip("history.denials", "9", "context.history.denials == 9"),
          new Flip(
              "history.chain",
              "[\"retrieve:a\", \"execute:b\", \"execute:c\"]",
              "context.history.chain like \"*retrieve:a*execute:c*\"",
              "input.history.chain[i] == \"retrieve:a\"; input.history.chain[j] == \"execute:c\"; i"
                  + " < j"),
          set("history.arguments", "context.history.arguments"),
          set("history.results", "context.history.results"),
          new Flip(
              "history.steps",
              "[\"execute\"]",
              "context.history.steps.contains(\"execute\")",
              "\"execute\" in input.history.steps"),
          set("history.data_classes", "context.history.data_classes"),
          set("history.outside", "context.history.outside"),
          flip("risk", "21", "context.risk > 20"),
          set("approvals", "context.approvals"));

  private static Flip flip(String attribute, String value, String cedar) {
    return new Flip(attribute, value, cedar, "input." + attribute + " == " + value);
  }

  private static Flip set(String attribute, String cedar) {
    return new Flip(
        attribute, "[\"x\"]", cedar + ".contains(\"x\")", "\"x\" in input." + attribute);
  }

  /** The engine under test with the policies that ship. */
  protected abstract PolicyEngine shipped() throws Exception;

  /** The engine under test, which permits all but what {@code flip} forbids. */
  protected abstract PolicyEngine forbidding(Flip flip) throws Exception;

  @Test
  void everyCaseThatShipsIsDecidedAsItSays() throws Exception {
    CaseSuite suite = CaseSuite.parse(PolicyFiles.shipped().cases());
    assertThat(suite.cases()).hasSizeGreaterThan(120);
    assertThat(suite.failures(shipped())).isEmpty();
  }

  @Test
  void bothEnginesAskTheSameApprovers() throws Exception {
    PolicyEngine other = PolicyEngines.shipped();
    PolicyEngine mine = shipped();
    for (CaseSuite.Case each : CaseSuite.parse(PolicyFiles.shipped().cases()).cases()) {
      Decision here = mine.decide(each.question());
      Decision cedar = other.decide(each.question());
      assertThat(essence(here)).as(each.name()).isEqualTo(essence(cedar));
    }
  }

  private static String essence(Decision decision) {
    List<String> because = decision.because().stream().map(Reason::policy).sorted().toList();
    return switch (decision) {
      case Decision.Ask it -> "ask " + it.approvers() + because;
      case Decision.Deny it -> "deny " + it.reason() + because;
      default -> decision.word() + because;
    };
  }

  @TestFactory
  Stream<DynamicTest> anyAttributeAloneFlipsADecision() {
    return FLIPS.stream()
        .map(flip ->
            dynamicTest(
                flip.attribute(),
                () -> {
                  PolicyEngine engine = forbidding(flip);
                  ObjectNode question = CaseSuite.example();
                  assertThat(engine.decide(QuestionJson.read(question)).word()).isEqualTo("permit");
                  set(question, flip.attribute(), JSON.readTree(flip.value()));
                  assertThat(engine.decide(QuestionJson.read(question)).word()).isEqualTo("deny");
                }));
  }

  /** A new attribute cannot be forgotten here. */
  @Test
  void noAttributeIsMissing() {
    Set<String> attributes = new TreeSet<>();
    collect("", CaseSuite.example(), attributes);
    attributes.remove("v");
    assertThat(FLIPS).extracting(Flip::attribute).containsExactlyInAnyOrderElementsOf(attributes);
  }

  private static void collect(String path, JsonNode node, Set<String> attributes) {
    for (Map.Entry<String, JsonNode> each : node.properties()) {
      String at = path.isEmpty() ? each.getKey() : path + "." + each.getKey();
      boolean whole =
          Set.of("task.parameters", "arguments.texts", "arguments.numbers").contains(at);
      if (each.getValue().isObject() && !whole) {
        collect(at, each.getValue(), attributes);
      } else {
        attributes.add(at);
      }
    }
  }

  private static void set(ObjectNode question, String path, JsonNode value) {
    int dot = path.lastIndexOf('.');
    ObjectNode at =
        dot < 0
            ? question
            : (ObjectNode) question.at("/" + path.substring(0, dot).replace('.', '/'));
    at.set(path.substring(dot + 1), value);
  }
}
