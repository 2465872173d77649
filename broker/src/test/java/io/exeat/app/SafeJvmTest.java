package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.CannotStart;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SafeJvmTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-XX:+DisableAttachMechanism",
        "-XX:-DisableAttachMechanism -XX:+DisableAttachMechanism",
        "-XX:+DisableAttachMechanism -XX:+HeapDumpOnOutOfMemoryError"
            + " -XX:-HeapDumpOnOutOfMemoryError",
        "-Xmx96m -XX:+DisableAttachMechanism -XX:-EnableDynamicAgentLoading -Dx=-javaagent:",
      })
  void aClosedOneStarts(String options) {
    assertThatCode(() -> SafeJvm.check(List.of(options.split(" ", -1)))).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-Xmx96m | may attach",
        "-XX:+DisableAttachMechanism -XX:-DisableAttachMechanism | may attach",
        "-XX:+DisableAttachMechanism -XX:+HeapDumpOnOutOfMemoryError | HeapDumpOnOutOfMemoryError",
        "-XX:+DisableAttachMechanism -XX:+HeapDumpBeforeFullGC | HeapDumpBeforeFullGC",
        "-XX:+DisableAttachMechanism -agentlib:jdwp=transport=dt_socket | -agentlib:jdwp",
        "-javaagent:a.jar -XX:+DisableAttachMechanism | -javaagent:a.jar",
        "-XX:+DisableAttachMechanism -Dcom.sun.management.jmxremote.port=1 | jmxremote",
      })
  void anOpenOneIsRefusedWithWhatOpensIt(String options, String why) {
    assertThatThrownBy(() -> SafeJvm.check(List.of(options.split(" ", -1))))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining(why)
        .hasMessageContaining("Start it with ./exeat");
  }
}
