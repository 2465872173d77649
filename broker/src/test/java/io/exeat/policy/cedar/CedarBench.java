package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a decision costs with the policies that ship and others, 100 in all, over 200 agents and
 * grants.
 */
public final class CedarBench {
  private static final int POLICIES = 100;
  private static final int ENTITIES = 100;

  private CedarBench() {}

  /**
   * What it takes to read these policies, check them and put them in force.
   *
   * @param reload in milliseconds
   */
  public record Figures(int policies, int entities, double reload) {}

  /**
   * @param rounds that count, after as many that do not
   */
  public static Figures measure(int rounds) throws BadPolicy {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    PolicyFiles files = files();
    long[] loads = new long[2 * rounds];
    for (int i = 0; i < loads.length; i++) {
      long begun = System.nanoTime();
      engine.load(files);
      loads[i] = System.nanoTime() - begun;
    }
    Arrays.sort(loads, rounds, loads.length);
    return new Figures(engine.policies().size(), 2 * ENTITIES, loads[rounds + rounds / 2] / 1e6);
  }

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
    all.put("more.cedar", more(POLICIES - count(all)));
    return new PolicyFiles("the benchmark", all, PolicyFiles.shipped().cases());
  }

  private static int count(Map<String, String> policies) {
    return policies.values().stream().mapToInt(text -> text.split("@id\\(", -1).length - 1).sum();
  }

  /** Of each tool one policy, as a catalogue's tools have them. */
  private static String more(int number) {
    StringBuilder policies = new StringBuilder();
    for (int i = 0; i < number; i++) {
      policies.append(
          """
          @id("tool-%d") forbid (principal, action == Exeat::Action::"call", resource)
          when { context.tool == "tool%d" && context.risk > 80 };
          """
              .formatted(i, i));
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
