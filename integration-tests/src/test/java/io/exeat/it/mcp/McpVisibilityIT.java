package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.RecordingUpstream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a list shows and what a call is told, where policy looks at what calls are given. */
@Timeout(300)
class McpVisibilityIT {
  /** As docs/policy.md has it, and one that no arguments help against. */
  private static final String POLICIES =
      """
      @id("limit") forbid (principal, action == Exeat::Action::"call", resource)
      unless { context.numbers.hasTag("amount") && context.numbers.getTag("amount") <= 1000 };
      @id("never") forbid (principal, action == Exeat::Action::"call", resource)
      when { context.tool == "recording.write" };
      """;

  @Test
  void aToolIsThereUnlessPolicyDeniesItWhateverItIsGiven() {
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(
                McpStage.at("recording", upstream.address(), List.of("read", "write")), POLICIES);
        McpClient client = stage.client("recording")) {
      String task = stage.open(McpStage.USE);
      JsonNode listed =
          client
              .post(
                  McpClient.ask(1, "tools/list", ""),
                  Map.of("Exeat-Task", task, "Mcp-Method", "tools/list"))
              .json();
      assertThat(listed.at("/result/tools").findValuesAsText("name")).containsExactly("read");

      JsonNode within = client.call(task, 2, "read", "{\"amount\":1000}").json();
      assertThat(within.at("/result/content/0/text").asText()).startsWith("done");
      for (String above : List.of("{\"amount\":1001}", "{}")) {
        JsonNode denied = client.call(task, 3, "read", above).json();
        assertThat(denied.at("/result/isError").asBoolean()).as("%s", denied).isTrue();
        assertThat(denied.at("/result/content/0/text").asText()).contains("limit", "(decision ");
      }
      JsonNode hidden = client.call(task, 4, "write", "{\"amount\":1}").json();
      assertThat(hidden.at("/error/code").asInt()).isEqualTo(-32602);
      assertThat(hidden.at("/error/message").asText()).isEqualTo("Unknown tool: write");
      assertThat(upstream.calls()).hasSize(1);
    }
  }

  /** As each container of a pod that is the agent has one of its own. */
  @Test
  void eachSocketIsTheSameDoor() {
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(
                McpStage.at("recording", upstream.address(), List.of("read", "write")), POLICIES);
        McpClient first = stage.client("recording");
        McpClient second = new McpClient(stage.secondSocket(), "recording")) {
      String task = stage.open(McpStage.USE);

      for (McpClient client : List.of(first, second)) {
        JsonNode answer = client.call(task, 1, "read", "{\"amount\":1}").json();
        assertThat(answer.at("/result/content/0/text").asText()).startsWith("done");
      }
      assertThat(upstream.calls()).hasSize(2);
    }
  }
}
