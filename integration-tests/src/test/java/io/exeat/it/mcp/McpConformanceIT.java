package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Conformance;
import io.exeat.it.environment.McpFixture;
import io.exeat.it.environment.McpParts;
import io.exeat.it.environment.McpStage;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What the conformance suite says of a server through the gateway is what it says of it directly.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
class McpConformanceIT {
  private McpParts parts;
  private McpFixture fixture;
  private McpStage stage;
  private URI through;

  @BeforeAll
  void start() {
    parts = Needs.part("mcp", McpParts.find());
    fixture = McpFixture.start(parts);
    stage = McpStage.start(fixture.upstream("fixture"));
    through =
        stage.listen(
            "fixture",
            "--intent",
            "answer-ticket",
            "-p",
            "ticket=4711",
            "--scope",
            McpStage.USE,
            "--for",
            "10m");
  }

  @AfterAll
  void stop() {
    if (stage != null) {
      stage.close();
    }
    if (fixture != null) {
      fixture.close();
    }
  }

  /**
   * @param green scenarios that pass through us, whatever the server does
   */
  private void isTheSame(String revision, String... green) {
    Conformance direct = Conformance.run(parts, fixture.address(), revision);
    System.out.println("mcp conformance " + revision + " direct:  " + direct);
    Conformance gateway = Conformance.run(parts, through, revision);
    System.out.println("mcp conformance " + revision + " through: " + gateway);
    for (String scenario : green) {
      assertThat(gateway.scenarios().getOrDefault(scenario, List.of()))
          .as(scenario)
          .isNotEmpty()
          .allMatch(check -> check.endsWith(": SUCCESS"));
    }
    Map<String, List<String>> different = new TreeMap<>();
    direct
        .scenarios()
        .forEach((scenario, checks) -> {
          List<String> ours = gateway.scenarios().getOrDefault(scenario, List.of());
          if (!checks.equals(ours)) {
            different.put(scenario, List.of("direct " + checks, "through " + ours));
          }
        });
    assertThat(different).isEmpty();
    assertThat(gateway.scenarios().keySet()).isEqualTo(direct.scenarios().keySet());
  }

  @Test
  void withSessions() {
    isTheSame("2025-11-25");
  }

  @Test
  void withoutSessions() {
    isTheSame("2026-07-28", "http-header-validation");
  }
}
