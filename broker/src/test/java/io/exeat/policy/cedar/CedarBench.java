package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.node.ObjectNode;
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
 * grants: {@code java … io.exeat.policy.cedar.CedarBench}.
 */
final class CedarBench {
  private static final int POLICIES = 100;
  private static final int ENTITIES = 100;
  private static final int ROUNDS = 5;
  private static final int DECISIONS = 5_000;

  private CedarBench() {}

  public static void main(String[] arguments) throws Exception {
    CedarEngine engine = new CedarEngine(PolicyEngines.LONG, PolicyEngines.TIME);
    TreeMap<String, String> all = new TreeMap<>(PolicyFiles.shipped().policies());
    all.put("more.cedar", more(POLICIES - count(all)));
    engine.load(new PolicyFiles("the benchmark", all, new TreeMap<>(Map.of())));
    List<Question> questions = questions();
    System.out.printf(
        "%d policies, %d agents and grants%n", engine.policies().size(), 2 * ENTITIES);
    for (int round = 0; round < ROUNDS; round++) {
      long[] nanos = new long[DECISIONS];
      for (int i = 0; i < DECISIONS; i++) {
        Question question = questions.get(i % questions.size());
        long begun = System.nanoTime();
        if (!engine.decide(question).word().equals("permit")) {
          throw new IllegalStateException(engine.decide(question).toString());
        }
        nanos[i] = System.nanoTime() - begun;
      }
      Arrays.sort(nanos);
      System.out.printf(
          "p50 %d us, p99 %d us%n",
          nanos[DECISIONS / 2] / 1000, nanos[DECISIONS * 99 / 100] / 1000);
    }
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

  private static List<Question> questions() {
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
