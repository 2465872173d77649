package io.exeat.gateway.mcp.stdio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ProgramsTest {

  @Test
  void whatIsAskedForAfterItsEndIsSaidNotToBeStarted() {
    Programs programs = new Programs();
    assertThat(programs.run(List.of("echo", "there"), new byte[0])).isEqualTo("there\n");

    programs.close();

    assertThatThrownBy(() -> programs.start(List.of("echo"), Map.of()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("echo is not started any more");
    // Who ends a server goes on to what it left behind.
    assertThatThrownBy(() -> programs.run(List.of("kill"), new byte[0]))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("kill");
  }
}
