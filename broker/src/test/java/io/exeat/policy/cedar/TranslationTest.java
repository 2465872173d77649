package io.exeat.policy.cedar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Java decides as Cedar does, or leaves it to Cedar. */
class TranslationTest {
  private static final int POLICIES = 250;
  private static final int QUESTIONS = 12;

  /** One run by its seed: {@code -Dexeat.policies.seed=…} on the first line. */
  private static final long SEED = Long.getLong("exeat.policies.seed", 0);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void randomPoliciesAreDecidedAlike(long run) {
    long seed = SEED == 0 ? run : SEED;
    RandomPolicy random = new RandomPolicy(seed);
    int taken = 0;
    int spoke = 0;
    int silent = 0;
    int erred = 0;
    int denied = 0;
    for (int i = 0; i < POLICIES; i++) {
      String text = random.policy();
      List<Question> questions =
          IntStream.range(0, QUESTIONS).mapToObj(_ -> random.question()).toList();
      Optional<Policies> loaded = load(text);
      if (loaded.isEmpty()) {
        continue; // the type check knows that it can never speak
      }
      taken++;
      assertThat(loaded.get().isTranslated()).as(text).isTrue();
      for (Question question : questions) {
        denied += foreseen(text, loaded.get(), question);
        assertThat(loaded.get().agree(question))
            .as("seed %d: %s%n%s", seed, text, QuestionJson.write(question))
            .isTrue();
        try {
          if (loaded.get().decide(question).because().isEmpty()) {
            silent++;
          } else {
            spoke++;
          }
        } catch (IllegalStateException e) {
          erred++;
        }
      }
    }
    assertThat(taken).isGreaterThan(POLICIES / 4);
    assertThat(List.of(spoke, silent)).allMatch(each -> each > 100);
    assertThat(erred).isPositive();
    assertThat(denied).isGreaterThan(100);
  }

  /** What is foreseen as denied without arguments is denied with these; 1 for that, else 0. */
  private static int foreseen(String text, Policies policies, Question question) {
    ObjectNode json = QuestionJson.write(question);
    ObjectNode arguments = (ObjectNode) json.get("arguments");
    arguments.putObject("texts");
    arguments.putObject("numbers");
    if (policies.mayPermit(QuestionJson.read(json))) {
      return 0;
    }
    try {
      assertThat(policies.decide(question).permitted())
          .as("%s%n%s", text, QuestionJson.write(question))
          .isFalse();
    } catch (IllegalStateException e) {
      // An error permits nothing.
    }
    return 1;
  }

  @Test
  void whatShipsIsAllTranslated() throws BadPolicy {
    Policies shipped = Policies.load(PolicyFiles.shipped());
    List<Question> questions = new ArrayList<>();
    CaseSuite.parse(PolicyFiles.shipped().cases())
        .cases()
        .forEach(each -> questions.add(each.question()));
    assertThat(shipped.isTranslated()).isTrue();
    assertThat(shipped.prove(questions)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ip(\"127.0.0.1\").isLoopback() && context.tool == \"127.0.0.1\"",
        "decimal(\"1.5\").lessThan(decimal(\"2.5\")) && context.tool == \"127.0.0.1\""
      })
  void extensionTypesStayWithCedar(String condition) {
    Policies policies =
        load("@id(\"p\") permit (principal, action, resource) when { " + condition + " };")
            .orElseThrow();
    assertThat(policies.isTranslated()).isFalse();
    var question = CaseSuite.example();
    question.put("tool", "127.0.0.1");
    assertThat(policies.decide(QuestionJson.read(question)).permitted()).isTrue();
  }

  @Test
  void aTranslationThatDecidesACaseOtherwiseIsNotUsed() throws Exception {
    String text = "@id(\"p\") permit (principal, action, resource) when { context.risk > 10 };";
    Policies right = load(text).orElseThrow();
    var json = new ObjectMapper().readTree(policy(right).toJson());
    ((com.fasterxml.jackson.databind.node.ObjectNode) json)
        .put("effect", "permit")
        .putArray("conditions");
    Policies wrong = new Policies(List.of(Rule.of(policy(right), json, Map.of())), "hash");
    var question = CaseSuite.example();
    question.put("risk", 5);
    Question low = QuestionJson.read(question);
    assertThat(wrong.decide(low).permitted()).isTrue();
    assertThat(wrong.prove(List.of(low))).containsExactly(low);
    assertThat(wrong.decide(low).permitted()).isFalse();
  }

  @Test
  void aPolicyAboutNoToolSpeaksWhereThereIsNone() {
    Policies policies =
        load("""
        @id("all") permit (principal, action, resource);
        @id("none") forbid (principal, action, resource) when { context.tool == "" };
        """)
            .orElseThrow();
    var question = CaseSuite.example();
    question.put("tool", "");
    Question without = QuestionJson.read(question);
    assertThat(policies.decide(without).permitted()).isFalse();
    assertThat(policies.agree(without)).isTrue();
  }

  /** Cedar would end the process with some of these. */
  @ParameterizedTest
  @ValueSource(ints = {200, 2_000, 200_000})
  void whatIsTooDeepIsRefused(int deep) {
    for (String condition :
        List.of(
            "(".repeat(deep) + "true" + ")".repeat(deep),
            "[".repeat(deep) + "]".repeat(deep) + ".isEmpty()",
            "true" + " || context.risk > 10".repeat(deep),
            "if context.risk > 10 then true else ".repeat(deep) + "false",
            "context" + ".a".repeat(2 * deep),
            "!".repeat(2 * deep) + "true",
            "context" + "[\"a\"]".repeat(2 * deep),
            "principal == principal }"
                + " when { principal == principal }".repeat(2 * deep)
                + " when {",
            "// \r" + "(".repeat(deep) + "true" + ")".repeat(deep),
            "true };"
                + ")".repeat(deep)
                + "; permit (principal, action, resource) when { "
                + "(".repeat(deep)
                + "true"
                + ")".repeat(deep),
            "\"\\\"\" == \"" + "(".repeat(deep) + "\" && " + "1 + ".repeat(2 * deep) + "1 == 1")) {
      assertThat(problems(condition)).as(condition).isNotEmpty();
    }
  }

  @Test
  void whatIsAsDeepAsItMayBeIsDecided() {
    String deep = "(context.risk > 10 || ".repeat(Bounds.MOST_DEPTH - 2);
    String flat = " || context.risk == 3".repeat(40);
    String policy = "%s true%s%s".formatted(deep, flat, ")".repeat(Bounds.MOST_DEPTH - 2));
    Policies policies =
        load("@id(\"p\") permit (principal, action, resource) when { " + policy + " };")
            .orElseThrow();
    assertThat(policies.agree(QuestionJson.read(CaseSuite.example()))).isTrue();
  }

  /** Cedar takes more of these, and then cannot decide them. */
  @Test
  void choicesInOneAnotherAreRefusedBeforeTheyCannotBeDecided() {
    String choice = "if context.risk == 3 then false else ";
    String most = choice.repeat(Bounds.MOST_CHOICES) + "true";
    Policies policies =
        load("@id(\"p\") permit (principal, action, resource) when { " + most + " };")
            .orElseThrow();
    Question question = QuestionJson.read(CaseSuite.example());
    assertThat(policies.decide(question).permitted()).isTrue();
    assertThat(policies.agree(question)).isTrue();
    assertThat(problems(choice + most)).singleElement().asString().contains("41 times if");
    assertThat(problems("if true then true else ".repeat(290) + "false")).isNotEmpty();
    String two = "@id(\"%s\") permit (principal, action, resource) when { " + most + " };";
    assertThat(load(two.formatted("p") + two.formatted("q"))).isPresent();
  }

  private static List<String> problems(String condition) {
    String policy = "@id(\"p\") permit (principal, action, resource) when { " + condition + " };";
    return catchThrowableOfType(
            BadPolicy.class, () -> Policies.load(PolicyEngines.files(policy, Map.of())))
        .problems();
  }

  private static com.cedarpolicy.model.policy.Policy policy(Policies policies) {
    return policies.rules().getFirst().policy();
  }

  private static Optional<Policies> load(String text) {
    try {
      return Optional.of(Policies.load(PolicyEngines.files(text, Map.of())));
    } catch (BadPolicy e) {
      return Optional.empty();
    }
  }
}
