package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.Needs;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpFixture;
import io.exeat.it.environment.McpParts;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.Stage;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a client of the SDK's hears while what it may see changes under it, and what it sees then.
 */
@Timeout(300)
class ListChangedIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CHANGED = "notifications/tools/list_changed";
  private static final String POLICIES =
      """
      @id("all") permit (principal, action, resource);

      @id("outside-then-no-administration")
      forbid (principal, action, resource)
      when { !context.history.outside.isEmpty() && context.step == "administer" };
      """;
  private static final String NO_EFFECT =
      """

      @id("no-effect") forbid (principal, action, resource) when { context.tool == "fixture.effect" };
      """;

  @ParameterizedTest
  @ValueSource(strings = {"legacy", "auto"})
  void whatTheTaskDidThePolicyAndTheCatalogueChangeTheListThatAClientSees(String era)
      throws Exception {
    McpParts parts = Needs.part("mcp", McpParts.find());
    Path policies = Stage.get().newFolder("policies");
    Files.writeString(policies.resolve("own.cedar"), POLICIES);
    try (McpFixture fixture = McpFixture.start(parts);
        McpStage stage = McpStage.start(upstream(fixture, "leave: {step: administer}"), policies);
        McpClient agent = stage.client("fixture");
        Listening client = new Listening(parts, stage, era)) {
      client.sees("test_simple_text", "effect", "leave");

      var _ = agent.call(client.task, 1, "effect", "{}");
      client.hears();
      client.sees("test_simple_text", "effect");

      Files.writeString(policies.resolve("own.cedar"), POLICIES + NO_EFFECT);
      client.hears();
      client.sees("test_simple_text");

      stage.rewrite(upstream(fixture, "test_error_handling: {step: retrieve}"));
      client.hears();
      client.sees("test_simple_text", "test_error_handling");

      int taken = stage.audit("policy.taken").size();
      Files.writeString(
          policies.resolve("own.cedar"), "// Said otherwise.\n" + POLICIES + NO_EFFECT);
      await().until(() -> stage.audit("policy.taken").size() > taken);
      stage.rewrite(upstream(fixture, "test_image_content: {step: retrieve}"));
      client.hears(); // once: that other policies gave the same list was not told
      client.sees("test_simple_text", "test_image_content");
      assertThat(fixture.effects()).hasSize(1);
    }
  }

  private static String upstream(McpFixture fixture, String more) {
    return McpStage.at("fixture", fixture.address(), List.of("test_simple_text"))
        + "      effect: {step: execute, reads-outside: true}\n      "
        + more
        + "\n";
  }

  /** The SDK's client behind {@code exeat mcp --listen}, which lists whenever it hears. */
  private static final class Listening implements AutoCloseable {
    private final String task;
    private final Process process;
    private final BufferedReader said;
    private final Path log = Files.createTempFile("listening-client", "");

    Listening(McpParts parts, McpStage stage, String era) throws IOException {
      task = stage.open(McpStage.USE);
      URI url = stage.listen("fixture", "--task", task);
      process =
          new ProcessBuilder(
                  parts.python().toString(),
                  McpParts.script("listening_client.py").toString(),
                  url.toString(),
                  era)
              .redirectError(log.toFile())
              .start();
      said = process.inputReader(StandardCharsets.UTF_8);
    }

    private JsonNode next() throws IOException {
      Optional<String> line = Optional.ofNullable(said.readLine());
      return JSON.readTree(
          line.orElseThrow(() -> new AssertionError("the client ended: " + read(log))));
    }

    private static String read(Path file) {
      try {
        return Files.readString(file);
      } catch (IOException e) {
        return e.toString();
      }
    }

    void hears() throws IOException {
      assertThat(next().path("heard").asText()).isEqualTo(CHANGED);
    }

    void sees(String... tools) throws IOException {
      JsonNode shown = next();
      assertThat(shown.path("declared").asBoolean()).as("%s", shown).isTrue();
      assertThat(shown.path("tools").valueStream().map(JsonNode::asText))
          .containsExactlyInAnyOrder(tools);
    }

    @Override
    public void close() throws IOException {
      process.destroyForcibly();
      Files.deleteIfExists(log);
    }
  }
}
