package io.exeat.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.task.Step;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

@NullMarked
final class QuestionTextTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static void isThatOfItsDocument(Question question) {
    ObjectNode document = QuestionJson.write(question);

    assertThat(QuestionText.of(question)).isEqualTo(CanonicalJson.text(document));
    Answer answer = Answer.of(question, new Decision.Permit(List.of(), "ab"));
    assertThat(answer.sha256()).isEqualTo(QuestionJson.sha256(document));
    assertThat(QuestionJson.read(answer.question())).isEqualTo(question);
  }

  @Test
  void itIsThatOfTheDocumentForEachCaseThatShips() throws Exception {
    var cases = CaseSuite.parse(PolicyFiles.shipped().cases()).cases();
    assertThat(cases).hasSizeGreaterThan(100);
    cases.forEach(each -> isThatOfItsDocument(each.question()));
  }

  /** Every text, number, flag and list of the example, each at its own place. */
  @Test
  void itIsThatOfTheDocumentWhateverAnAttributeIs() {
    ObjectNode example = CaseSuite.example();
    int changed = change(example, example);

    assertThat(changed).isGreaterThan(30);
  }

  private static int change(ObjectNode root, JsonNode in) {
    int changed = 0;
    for (Map.Entry<String, JsonNode> each : List.copyOf(in.properties())) {
      JsonNode was = each.getValue();
      ObjectNode parent = (ObjectNode) in;
      if (was.isObject()) {
        changed += change(root, was);
        continue;
      }
      for (JsonNode now :
          List.<JsonNode>of(
              JSON.getNodeFactory().textNode("\"\\\u0000\u001f\u007f$é\u2028\ud83d\ude00"),
              JSON.getNodeFactory().numberNode(9_007_199_254_740_993L),
              JSON.getNodeFactory().numberNode(7),
              JSON.getNodeFactory().booleanNode(!was.booleanValue()),
              JSON.createArrayNode(),
              JSON.createArrayNode().add("z").add("a\"").add("é"))) {
        parent.set(each.getKey(), now);
        Question question;
        try {
          question = QuestionJson.read(root);
        } catch (IllegalArgumentException | ArithmeticException e) {
          continue; // no such question
        }
        isThatOfItsDocument(question);
        changed++;
      }
      parent.set(each.getKey(), was);
    }
    return changed;
  }

  @Test
  void listsAreSorted() {
    Question question = QuestionJson.read(CaseSuite.example());
    History much =
        new History(
            1,
            2,
            3,
            4,
            List.of("z", "a"),
            List.of("c", "b"),
            List.of("", "a"),
            Set.of(Step.values()),
            Set.of("z", "a", "m"),
            Set.of("y", "b"));
    isThatOfItsDocument(
        new Question(
            question.agent(),
            question.task(),
            question.action(),
            question.tool(),
            question.arguments(),
            question.resource(),
            question.source(),
            question.destination(),
            question.step(),
            much,
            question.risk(),
            Set.of("owner", "operator", "a")));
  }

  @Test
  void halfOfASurrogatePairHasNoBytes() {
    ObjectNode example = CaseSuite.example();
    ((ObjectNode) example.get("agent")).put("owner", "\ud83d");
    Question question = QuestionJson.read(example);

    assertThatThrownBy(() -> QuestionText.of(question))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
