package io.exeat.it.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A packaged sidecar as a user without any capability, and another process of that user. */
@NullMarked
final class NobodyLooksIntoTheSidecarIT {
  private static final int SIDECAR = OtherUser.STRANGER;

  @TempDir private Path folder;

  @BeforeEach
  void place() throws IOException {
    assumeTrue(OtherUser.isRoot(), "only root starts processes of another user");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (String each : List.of("run", "state")) {
      Path made = Files.createDirectory(folder.resolve(each));
      Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwx------"));
      Files.setAttribute(made, "unix:uid", SIDECAR);
    }
    Files.writeString(folder.resolve("catalogue.yaml"), "version: 1\n");
  }

  private Process sidecar(int agent) throws IOException {
    return start(run(agent));
  }

  private List<String> run(int agent) throws IOException {
    Path yaml =
        Files.writeString(
            folder.resolve("exeat.yaml"),
            """
            spiffe: {id: "spiffe://example.org/broker/b", workload-api: %1$s/none.sock}
            attestation: {mode: workload-api, agent: "spiffe://example.org/agent/a", uid: %2$d}
            socket: {path: %1$s/run/agent.sock}
            admin: {path: %1$s/run/admin.sock}
            catalogue: {path: %1$s/catalogue.yaml}
            journal: {folder: %1$s/state/journal}
            audit: {folder: %1$s/state/audit}
            vault: {address: "https://127.0.0.1:1"}
            """
                .formatted(folder, agent));
    return Packaged.command("run", "--config", yaml.toString());
  }

  private static Process start(List<String> command) throws IOException {
    return start(List.of(), command);
  }

  /** With words before it that are still root's. */
  private static Process start(List<String> before, List<String> command) throws IOException {
    List<String> words = new ArrayList<>(before);
    words.addAll(
        List.of(
            "prlimit",
            "--core=1000000:1000000",
            "setpriv",
            "--reuid=" + SIDECAR,
            "--clear-groups",
            "--"));
    words.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
    // The tests' own would be taken for keys of the configuration.
    builder.environment().keySet().removeIf(it -> it.startsWith("EXEAT_"));
    return builder.start();
  }

  /** Ends with 0 when a process of the same user may read another's environment. */
  private static Process look(Process at) throws IOException {
    return start(List.of("cat", "/proc/" + at.pid() + "/environ"));
  }

  @Test
  void notEvenAProcessOfItsOwnUser() throws Exception {
    Process open = start(List.of("sleep", "60"));
    Process sidecar = sidecar(OtherUser.AGENT);
    try {
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> Files.exists(folder.resolve("run/admin.sock")) || !sidecar.isAlive());
      assertThat(sidecar.isAlive()).isTrue();
      assertThat(Files.readAllLines(Path.of("/proc/" + sidecar.pid() + "/status")))
          .contains("Uid:\t%1$d\t%1$d\t%1$d\t%1$d".formatted(SIDECAR));

      assertThat(cores(open)).containsExactly("1000000", "1000000");
      assertThat(cores(sidecar)).containsExactly("0", "0");
      assertThat(said(look(open), 0)).contains("PATH=");
      assertThat(said(look(sidecar), 1)).contains("Permission denied");
    } finally {
      end(sidecar);
      end(open);
    }
  }

  @Test
  void anAgentOfItsOwnUserIsRefused() throws Exception {
    assertThat(said(sidecar(SIDECAR), 3))
        .contains("cannot start: the agent's uid, attestation.uid, is " + SIDECAR);
    assertThat(folder.resolve("run/agent.sock")).doesNotExist();
  }

  @Test
  void oneOfAPodWhoseNodeSwapsIsRefused() throws Exception {
    Path swaps = Files.writeString(folder.resolve("swaps"), "Filename\n/dev/sda2 partition 1\n");
    Path groups = Files.createDirectory(folder.resolve("groups")); // which limits no swap
    Process sidecar =
        start(seeing(swaps, "/proc/swaps", groups, "/sys/fs/cgroup"), run(OtherUser.AGENT));

    assertThat(said(sidecar, 3))
        .contains("cannot start: this process's secrets may be swapped out: the host has swap")
        .contains("Give the sidecar as much memory requested as its limit");
    assertThat(folder.resolve("run/agent.sock")).doesNotExist();
  }

  @Test
  void oneThatADebuggerHasIsRefused() throws Exception {
    Path own = Files.writeString(folder.resolve("own"), "Name:\tjava\nTracerPid:\t1\n");
    Path its = Files.writeString(folder.resolve("its"), "Uid:\t64001\t64001\t64001\t64001\n");
    Process sidecar =
        start(seeing(own, "/proc/$$/status", its, "/proc/1/status"), run(OtherUser.AGENT));

    assertThat(said(sidecar, 3))
        .contains("cannot start: a debugger of the user with uid 64001 has this process");
    assertThat(folder.resolve("run/agent.sock")).doesNotExist();
  }

  /** Words before a command that sees two other things in the places of the kernel's. */
  private static List<String> seeing(Path one, String there, Path other, String beside) {
    return List.of(
        "unshare",
        "--mount",
        "--cgroup",
        "sh",
        "-c",
        "mount --bind \"$0\" %s && mount --bind \"$1\" %s && shift && exec \"$@\""
            .formatted(there, beside),
        one.toString(),
        other.toString());
  }

  @Test
  void oneThatOthersMayAttachToIsRefused() throws Exception {
    List<String> command = run(OtherUser.AGENT);
    assertThat(command.remove("-XX:+DisableAttachMechanism")).isTrue();

    assertThat(said(start(command), 3))
        .contains("cannot start: other processes of this user may attach to this JVM")
        .contains("Start it with ./exeat");
    assertThat(folder.resolve("run/agent.sock")).doesNotExist();
  }

  /** Soft and hard limit of a core dump. */
  private static List<String> cores(Process process) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + process.pid() + "/limits")).stream()
        .filter(line -> line.startsWith("Max core file size"))
        .flatMap(line -> Stream.of(line.substring(18).strip().split("\\s+", -1)).limit(2))
        .toList();
  }

  private static String said(Process process, int status) throws Exception {
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      String said = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.exitValue()).as(said).isEqualTo(status);
      return said;
    } finally {
      end(process);
    }
  }

  private static void end(Process process) throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }
}
