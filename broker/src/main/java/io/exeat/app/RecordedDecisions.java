package io.exeat.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.audit.ChainFiles;
import io.exeat.policy.QuestionJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The decisions in an audit chain, oldest first, with their questions put together again. */
final class RecordedDecisions {
  private static final ObjectMapper JSON = new ObjectMapper();

  private RecordedDecisions() {}

  /**
   * @throws IOException when the chain cannot be read
   */
  static List<Replay.Recorded> in(Path folder) throws IOException {
    List<Replay.Recorded> all = new ArrayList<>();
    for (Path file : ChainFiles.in(folder)) {
      try (Stream<String> lines = Files.lines(file)) {
        for (String line : (Iterable<String>) lines::iterator) {
          if (line.contains("\"kind\":\"policy.decided\"")) {
            add(JSON.readTree(line), all);
          }
        }
      }
    }
    return all;
  }

  private static void add(JsonNode line, List<Replay.Recorded> all) {
    for (JsonNode answer : line.path("answers")) {
      if (line.path("question") instanceof ObjectNode first) {
        ObjectNode question = first.deepCopy();
        answer.path("but").properties().forEach(it -> question.set(it.getKey(), it.getValue()));
        all.add(
            new Replay.Recorded(
                line.path("decision").asText(),
                question,
                answer.path("decided").asText(),
                texts(answer.path("approvers")),
                texts(answer.path("because")),
                QuestionJson.sha256(question).equals(answer.path("question_sha256").asText())));
      }
    }
  }

  private static List<String> texts(JsonNode list) {
    return list.valueStream().map(JsonNode::asText).toList();
  }
}
