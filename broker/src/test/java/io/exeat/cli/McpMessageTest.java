package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class McpMessageTest {
  private static McpMessage message(String line) {
    return McpMessage.read(line).orElseThrow();
  }

  @Test
  void headersRepeatWhatTheBodySays() {
    McpMessage call =
        message(
            """
            {"id": 1, "method": "tools/call", "params": {"name": "query",
             "arguments": {"region": "eu", "dry": true, "rows": null}}}
            """);
    assertThat(call.headers(Map.of("region", "Region", "dry", "Dry", "rows", "Rows")))
        .isEqualTo(
            Map.of(
                "Mcp-Method", "tools/call",
                "Mcp-Name", "query",
                "Mcp-Param-Region", "eu",
                "Mcp-Param-Dry", "true"));
  }

  @Test
  void whatAHeaderCannotHoldTravelsInBase64() {
    assertThat(
            message("{\"method\": \"prompts/get\", \"params\": {\"name\": \"n\\r\\nö: 1\"}}")
                .headers(Map.of()))
        .containsEntry("Mcp-Name", "=?base64?bg0Kw7Y6IDE=?=");
    assertThat(
            message("{\"method\": \"prompts/get\", \"params\": {\"name\": \"=?base64?\"}}")
                .headers(Map.of()))
        .containsEntry("Mcp-Name", "=?base64?PT9iYXNlNjQ/?=");
  }

  @Test
  void onlyAnObjectIsAMessage() {
    assertThat(McpMessage.read("[]")).isEmpty();
    assertThat(McpMessage.read("1")).isEmpty();
    assertThat(McpMessage.read("{")).isEmpty();
    assertThat(McpMessage.read("")).isEmpty();
  }

  @Test
  void aListTellsWhichArgumentsAreMirrored() {
    assertThat(
            McpMessage.mirrored(
                message(
                        """
                        {"result": {"tools": [
                          {"name": "a", "inputSchema": {"properties": {"r": {"x-mcp-header": "R"}, "s": {}}}},
                          {"name": "b", "inputSchema": {"properties": {"r": {"x-mcp-header": "R\\r\\nX: 1"}}}},
                          {"name": "c"}]}}
                        """)
                    .json()))
        .isEqualTo(Map.of("a", Map.of("r", "R")));
  }

  @Test
  void anErrorOfOursNamesTheRequest() {
    assertThat(McpMessage.error(message("{\"id\": \"x\"}").id(), -32603, "gone"))
        .isEqualTo(
            "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32603,\"message\":\"gone\"}}");
    assertThat(McpMessage.error(message("{}").id(), -32600, "no")).contains("\"id\":null");
  }
}
