package io.exeat.it.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.attest.AgentProcess;
import io.exeat.attest.TestProcess;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process in another PID namespace has PID 0 here, by which nobody may be asked about. */
final class APeerWithoutPidIT {

  @Test
  void isRefusedByTheModesThatAskByPid(@TempDir Path folder) throws Exception {
    var _ = TestProcess.asUid(0);
    Process broker =
        new ProcessBuilder(
                "unshare",
                "-p",
                "-f",
                "--kill-child",
                "--mount-proc",
                AgentProcess.java().toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djdk.tls.server.newSessionTicketCount=0",
                "-cp",
                System.getProperty("java.class.path"),
                PidZeroProbe.class.getName(),
                folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader says =
        new BufferedReader(
            new InputStreamReader(broker.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(next(says, "ready")).isEqualTo("ready");
      try (SocketChannel us =
          SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("door.sock")))) {
        assertThat(us.isConnected()).isTrue();
        assertThat(next(says, "pid")).isEqualTo("pid 0");
        for (String mode : List.of("broker-api", "delegated")) {
          assertThat(next(says, ""))
              .as(mode)
              .startsWith("Unattested")
              .contains("not visible in this broker's PID namespace");
        }
      }
    } finally {
      broker.destroy();
    }
  }

  /** The next line that is no log's. */
  private static String next(BufferedReader says, String start) throws Exception {
    String line = says.readLine();
    while (line != null
        && (line.contains(" WARN ") || line.contains(" INFO ") || !line.startsWith(start))) {
      line = says.readLine();
    }
    return String.valueOf(line);
  }
}
