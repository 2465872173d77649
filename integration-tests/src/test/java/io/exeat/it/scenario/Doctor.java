package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code exeat doctor}, with the identity that it is given, on a configuration. */
record Doctor(Stage stage, Exeat exeat) {
  /** What it says. */
  Said look(String yaml, String... more) throws IOException {
    Path file = Files.writeString(stage.newFolder("doctor").resolve("exeat.yaml"), yaml);
    List<String> words = new ArrayList<>(List.of("doctor", "--config", file.toString()));
    words.addAll(List.of(more));
    return exeat.run(words.toArray(String[]::new));
  }

  /** What is wrong, by check and subject, with what mends it after an arrow. */
  Map<String, String> wrong(String yaml, String... more) throws IOException {
    List<String> words = new ArrayList<>(List.of(more));
    words.add("--json");
    Said said = look(yaml, words.toArray(String[]::new));
    assertThat(said.code()).as("%s", said).isEqualTo(10);
    Map<String, String> wrong = new TreeMap<>();
    for (JsonNode check : said.json().path("checks")) {
      if (check.path("state").asText().equals("WRONG")) {
        assertThat(check.path("mend").asText()).as("%s", check).isNotEmpty();
        wrong.put(
            check.path("check").asText() + " " + check.path("subject").asText(),
            check.path("seen").asText() + " -> " + check.path("mend").asText());
      }
    }
    return wrong;
  }
}
