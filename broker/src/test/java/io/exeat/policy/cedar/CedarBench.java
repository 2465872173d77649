package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a decision costs with the policies that ship and others, 100 in all, over 200 agents and
 * grants.
 */
public final class CedarBench {
  public static final int POLICIES = 100;
  public static final int ENTITIES = 100;

  private CedarBench() {}

  /** An engine with these policies in force. */
  public static CedarEngine engine() {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    try {
      engine.load(files());
    } catch (BadPolicy e) {
      throw new IllegalStateException(e);
    }
    return engine;
  }

  private static PolicyFiles files() {
    TreeMap<String, String> all = new TreeMap<>(PolicyFiles.shipped().policies());
    all.put("more.cedar", more(0));
    return new PolicyFiles("the benchmark", all, PolicyFiles.shipped().cases());
  }

  private static int count(Map<String, String> policies) {
    return policies.values().stream().mapToInt(text -> text.split("@id\\(", -1).length - 1).sum();
  }

  /**
   * What makes 100 of those that ship: of each tool one policy, as a catalogue's tools have them.
   *
   * @param set which of those it could be: each is another set, with as much to it
   */
  public static String more(int set) {
    StringBuilder policies = new StringBuilder();
    int number = POLICIES - count(PolicyFiles.shipped().policies());
    for (int i = 0; i < number; i++) {
      policies.append(
          """
          @id("tool-%d-of-%d") forbid (principal, action == Exeat::Action::"call", resource)
          when { context.tool == "tool%d" && context.risk > 80 };
          """
              .formatted(i, set, i));
    }
    return policies.toString();
  }

  /** One of each agent, all of which are permitted. */
  public static List<Question> questions() {
    List<Question> questions = new ArrayList<>();
    for (int i = 0; i < ENTITIES; i++) {
      ObjectNode question = CaseSuite.example();
      question.put("tool", "tool" + i);
      ((ObjectNode) question.get("agent")).put("id", "spiffe://example.org/agent/a" + i);
      ((ObjectNode) question.get("resource")).put("name", "grant" + i);
      questions.add(QuestionJson.read(question));
    }
    return questions;
  }
}
