package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.attest.AttestConfig;
import io.exeat.base.CannotStart;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FenceTest {
  private static final String HEADINGS = "Filename\tType\tSize\tUsed\tPriority\n";
  private static final String SWAP = HEADINGS + "/dev/sda2 partition 8388604 0 -2\n";

  @TempDir private Path folder;

  @Test
  void theAgentIsAnotherUser() {
    SpiffeId agent = SpiffeId.parse("spiffe://example.org/agent/a");
    AttestConfig same =
        new AttestConfig(
            Optional.of(new AttestConfig.WorkloadApi(agent, "", Own.uid())), Optional.empty());

    assertThatThrownBy(() -> Fence.raise(same))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("attestation.uid, is " + Own.uid());
  }

  @ParameterizedTest
  @CsvSource({"0, 0, ", "41, 64001, 64001", "41, 0, "})
  void aDebuggerIsSeenUnlessItIsRoots(String tracer, int uid, Integer whose) throws IOException {
    Files.createDirectories(folder.resolve("self"));
    Files.createDirectories(folder.resolve("41"));
    Files.writeString(folder.resolve("self/status"), "Name:\tjava\nTracerPid:\t" + tracer + "\n");
    Files.writeString(folder.resolve("41/status"), "Uid:\t%1$d\t%1$d\t0\t0\n".formatted(uid));

    assertThat(Fence.debugger(folder)).isEqualTo(Optional.ofNullable(whose));
  }

  @Test
  void aDebuggerOfAnotherUserRefusesTheStart() throws IOException {
    Files.createDirectories(folder.resolve("self"));
    Files.createDirectories(folder.resolve("41"));
    Files.writeString(folder.resolve("self/status"), "TracerPid:\t41\n");
    Files.writeString(folder.resolve("41/status"), "Uid:\t64001\t64001\t0\t0\n");

    assertThatThrownBy(() -> Fence.refuseDebugger(folder))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("a debugger of the user with uid 64001 has this process")
        .hasMessageContaining("Start it without one");
    Files.writeString(folder.resolve("self/status"), "TracerPid:\t0\n");
    Fence.refuseDebugger(folder);
  }

  @Test
  void withoutProcNobodyKnowsAndNothingStarts() {
    assertThatThrownBy(() -> Fence.refuseDebugger(folder))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("Mount /proc in its container");
  }

  @Test
  void swapRefusesTheStartInAPodAlone() throws IOException {
    Files.createDirectories(folder.resolve("self"));
    Files.writeString(folder.resolve("self/cgroup"), "0::/\n");
    Files.writeString(folder.resolve("swaps"), SWAP);
    Path groups = Files.createDirectories(folder.resolve("cgroup"));

    assertThatThrownBy(() -> Fence.refuseSwap(true, folder, groups))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("this process's secrets may be swapped out")
        .hasMessageContaining("as much memory requested as its limit");
    Fence.refuseSwap(false, folder, groups);
    Files.writeString(folder.resolve("swaps"), HEADINGS);
    Fence.refuseSwap(true, folder, groups);
  }

  /** Of the group itself and the one above it; empty where there is no such file. */
  @ParameterizedTest
  @CsvSource({
    "true, 0::/pod/sidecar, max, max, true",
    "true, 0::/pod/sidecar, max, 1048576, true",
    "true, 0::/pod/sidecar, max, 0, false",
    "true, 0::/pod/sidecar, 0, max, false",
    "false, 0::/pod/sidecar, max, max, false",
    "true, 4:memory:/pod/sidecar, max, max, false",
    "true, 0::/elsewhere, max, max, false",
    "true, 0::/, max, max, true",
  })
  void swapIsSeenWhereItIsUsed(
      boolean swap, String group, String above, String own, boolean expected) throws IOException {
    Path proc = Files.createDirectories(folder.resolve("proc"));
    Files.createDirectories(proc.resolve("self"));
    Files.writeString(proc.resolve("swaps"), swap ? SWAP : HEADINGS);
    Files.writeString(proc.resolve("self/cgroup"), group + "\n");
    Path groups = folder.resolve("cgroup");
    Path sidecar = Files.createDirectories(groups.resolve("pod/sidecar"));
    Files.writeString(sidecar.resolve("memory.swap.max"), own + "\n");
    Files.writeString(groups.resolve("pod/memory.swap.max"), above + "\n");

    assertThat(Fence.swap(proc, groups).isPresent()).isEqualTo(expected);
  }
}
