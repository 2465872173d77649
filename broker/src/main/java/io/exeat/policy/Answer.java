package io.exeat.policy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/**
 * A question and what policy said to it, as the audit keeps them.
 *
 * @param canonical the canonical JSON of the question's document
 * @param sha256 of that, in hex
 */
public record Answer(String canonical, String sha256, Decision decision) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The answer to {@code question}. */
  public static Answer of(Question question, Decision decision) {
    return of(QuestionText.of(question), decision);
  }

  /** The answer to the question that {@code document} is. */
  public static Answer of(ObjectNode document, Decision decision) {
    return of(CanonicalJson.text(document), decision);
  }

  private static Answer of(String canonical, Decision decision) {
    String sha256 = CanonicalJson.sha256(canonical.getBytes(StandardCharsets.UTF_8));
    return new Answer(canonical, sha256, decision);
  }

  /** The question's document: keys and lists are sorted. Read anew each time. */
  public ObjectNode question() {
    try {
      return (ObjectNode) JSON.readTree(canonical);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("it was written by us", e);
    }
  }
}
