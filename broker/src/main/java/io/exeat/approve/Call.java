package io.exeat.approve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.Action;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What a person says yes to: this call, by this agent, for what these policies ask. The same call
 * later is the same only while the task has read no other class of data, heard nobody else from
 * outside, taken no other kind of step, and while no other policy asks too.
 *
 * @param agent its SPIFFE ID
 * @param sha256 of the canonical questions and the names of the policies that ask, in hex, without
 *     what passes by itself: the task's age, counts and chain, who approved already, and, for the
 *     opening of a task, its identifier
 * @param policy SHA-256 of the policies in force, in hex
 */
public record Call(String agent, String sha256, String policy) {
  private static final Set<String> HISTORY_THAT_COUNTS = Set.of("data_classes", "outside", "steps");

  /**
   * The call that these questions are about.
   *
   * @param questions as {@link io.exeat.policy.QuestionJson} writes them, at least one
   * @param beside what else the yes is for, which no question has
   */
  public static Call of(List<ObjectNode> questions, Decision.Ask asked, List<String> beside) {
    boolean opening = isOpening(questions);
    List<JsonNode> lasting = new ArrayList<>();
    for (ObjectNode question : questions) {
      ObjectNode copy = question.deepCopy();
      copy.remove("approvals");
      copy.withObject("/history").retain(HISTORY_THAT_COUNTS);
      ObjectNode task = copy.withObject("/task");
      task.remove("age_ms");
      if (opening) {
        task.remove("id");
      }
      lasting.add(copy);
    }
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    lasting.stream().map(CanonicalJson::sha256).sorted().forEach(all::add);
    ArrayNode policies = all.addArray();
    asked.because().stream().map(Reason::policy).distinct().sorted().forEach(policies::add);
    ArrayNode more = all.addArray();
    beside.forEach(more::add);
    String agent = questions.getFirst().at("/agent/id").asText();
    return new Call(agent, CanonicalJson.sha256(all), asked.policy());
  }

  /** Whether it is the opening of a task, which has its identifier once it is open. */
  static boolean isOpening(List<ObjectNode> questions) {
    return questions.getFirst().path("action").asText().equals(Action.OPEN.word());
  }
}
