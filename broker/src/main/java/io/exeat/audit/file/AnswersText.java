package io.exeat.audit.file;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.Answer;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Decisions, with their questions whole, so that they can be decided again: the first question as
 * it is, of each other one ({@code but}) what is not the same at its top.
 */
final class AnswersText {
  private AnswersText() {}

  /**
   * @param out where {@code json} writes to
   */
  static void write(JsonGenerator json, OutputStream out, List<Answer> answers) throws IOException {
    ObjectNode first =
        answers.size() > 1 ? answers.getFirst().question() : JsonNodeFactory.instance.objectNode();
    json.writeFieldName("question");
    whole(json, out, answers.getFirst());
    json.writeArrayFieldStart("answers");
    for (int i = 0; i < answers.size(); i++) {
      Answer answer = answers.get(i);
      json.writeStartObject();
      json.writeFieldName("but");
      copy(json, i == 0 ? first.objectNode() : difference(first, answer.question()));
      json.writeStringField("question_sha256", answer.sha256());
      decision(json, answer.decision());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /**
   * The same without answers: of each question but the first what is not the same at its top, and
   * the policies that ask.
   */
  static void questions(JsonGenerator json, List<ObjectNode> questions, List<Reason> because)
      throws IOException {
    json.writeFieldName("question");
    copy(json, questions.getFirst());
    json.writeArrayFieldStart("but");
    for (ObjectNode each : questions) {
      copy(json, difference(questions.getFirst(), each));
    }
    json.writeEndArray();
    because(json, because);
  }

  private static void decision(JsonGenerator json, Decision decision) throws IOException {
    json.writeStringField("decided", decision.word());
    json.writeStringField("policy_sha256", decision.policy());
    because(json, decision.because());
    switch (decision) {
      case Decision.Permit _ -> {}
      case Decision.Ask it -> texts(json, "approvers", it.approvers());
      case Decision.Deny it -> json.writeStringField("reason", LineJson.cut(it.reason()));
      case Decision.Failed it -> json.writeStringField("problem", LineJson.cut(it.problem()));
    }
  }

  private static void because(JsonGenerator json, List<Reason> because) throws IOException {
    texts(json, "because", because.stream().map(Reason::toString).toList());
  }

  private static ObjectNode difference(ObjectNode first, ObjectNode other) {
    ObjectNode but = first.objectNode();
    for (Map.Entry<String, JsonNode> each : other.properties()) {
      if (!each.getValue().equals(first.get(each.getKey()))) {
        but.set(each.getKey(), each.getValue());
      }
    }
    return but;
  }

  private static void texts(JsonGenerator json, String name, List<String> texts)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (String text : texts) {
      LineJson.text(json, text);
    }
    json.writeEndArray();
  }

  /** Canonical JSON is a line's as well where nothing in it needs an escape of its own. */
  private static void whole(JsonGenerator json, OutputStream out, Answer answer)
      throws IOException {
    byte[] canonical = answer.canonical().getBytes(StandardCharsets.UTF_8);
    if (LineJson.isPlain(canonical)) {
      json.writeRawValue("");
      json.flush();
      out.write(canonical); // copied past the generator, which would encode it anew
    } else {
      copy(json, answer.question());
    }
  }

  private static void copy(JsonGenerator json, JsonNode node) throws IOException {
    try (JsonParser parser = node.traverse()) {
      parser.nextToken();
      json.copyCurrentStructure(parser);
    }
  }
}
