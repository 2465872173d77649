package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Conformance;
import io.exeat.it.environment.McpFixture;
import io.exeat.it.environment.McpParts;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our own server conforms, so that what fails behind the gateway is the gateway's. */
class FixtureConformanceIT {
  @ParameterizedTest
  @ValueSource(strings = {"2025-11-25", "2026-07-28"})
  void allButTheTasksExtension(String revision) {
    McpParts parts = Needs.part("mcp", McpParts.find());
    try (McpFixture fixture = McpFixture.start(parts)) {
      Conformance direct = Conformance.run(parts, fixture.address(), revision);
      System.out.println("mcp conformance " + revision + " direct: " + direct);
      assertThat(direct.scenarios()).hasSizeGreaterThan(30);
      assertThat(direct.failed())
          .allMatch(scenario -> scenario.startsWith("tasks-"), "an extension");
      List<String> lists = direct.scenarios().get("tools-list");
      assertThat(lists).contains("tools-list: SUCCESS");
    }
  }
}
