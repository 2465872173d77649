package io.exeat.it.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.exeat.attest.AgentProcess;
import io.exeat.attest.TestProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process in another PID namespace has PID 0 here, by which nobody may be asked about it. */
final class APeerWithoutPidIT {

  @Test
  void isRefusedByTheModesThatAskByPid(@TempDir Path folder) throws Exception {
    var _ = TestProcess.asUid(0);
    Process broker = probe(folder.toString());
    try (BufferedReader says = broker.inputReader(StandardCharsets.UTF_8)) {
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

  /** The pod's boundary is the uid; its agent's process is held all the same, by its pidfd. */
  @Test
  void isThePodsAgentUntilItDies(@TempDir Path folder) throws Exception {
    assumeTrue(hasPidfs(), "before Linux 6.9 the pidfds of two connections are not to be compared");
    List<String> asAgent = TestProcess.asUid(SpirePlace.AGENT_UID);
    var _ = folder.toFile().setExecutable(true, false);
    Path door = folder.resolve("door.sock");
    Process broker = probe(folder.toString(), "" + SpirePlace.AGENT_UID);
    try (BufferedReader says = broker.inputReader(StandardCharsets.UTF_8)) {
      assertThat(next(says, "ready")).isEqualTo("ready");
      try (AgentProcess agent = AgentProcess.start(door, asAgent, AgentProcess.java());
          AgentProcess stranger =
              AgentProcess.start(
                  door, TestProcess.asUid(SpirePlace.STRANGER_UID), AgentProcess.java())) {
        agent.connect();
        assertThat(next(says, "pid")).isEqualTo("pid 0");
        assertThat(next(says, "")).isEqualTo("attested as spiffe://example.org/agent/a");
        assertThat(next(says, "")).isEqualTo("hung up");
        agent.connect();
        assertThat(next(says, "")).isEqualTo("again 0, the same: true");

        long killed = System.nanoTime();
        agent.kill();
        assertThat(next(says, "")).isEqualTo("gone: the process has exited");
        System.out.printf(
            "attest: told of a death in another PID namespace %d ms after SIGKILL%n",
            (System.nanoTime() - killed) / 1_000_000);
        assertThat(next(says, "")).startsWith("Unattested").contains("has exited");
        stranger.connect();
        assertThat(next(says, ""))
            .startsWith("Unattested")
            .contains("runs as uid " + SpirePlace.STRANGER_UID + ", which is not the agent's");
      }
    } finally {
      broker.destroy();
    }
  }

  private static boolean hasPidfs() throws IOException {
    String[] release =
        Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip().split("[.-]", 3);
    return Integer.parseInt(release[0]) * 1000 + Integer.parseInt(release[1]) >= 6009;
  }

  private static Process probe(String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
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
                PidZeroProbe.class.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
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
