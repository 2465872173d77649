package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a kubelet asks a sidecar of two agent containers. */
final class ProbeCommandTest {
  @TempDir private Path folder;
  private Path first;
  private Path second;
  private Path admin;

  @BeforeEach
  void place() throws IOException {
    first = door("0");
    second = door("1");
    admin = door("admin");
  }

  private Path door(String name) throws IOException {
    Path made = Files.createDirectories(folder.resolve(name));
    Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwx------"));
    return made.resolve("s.sock");
  }

  private Sidecar open() throws IOException {
    Settings settings =
        Settings.parse(
            "exeat.yaml",
            """
            spiffe: {id: "spiffe://example.org/broker/b"}
            attestation: {mode: workload-api, agent: "spiffe://example.org/agent/a", uid: 10001}
            vault: {address: "https://vault.example.org:8200"}
            """
                .getBytes(UTF_8),
            Map.of(
                "EXEAT_SOCKET_PATH", first.toString(),
                "EXEAT_SOCKET_MORE", second.toString(),
                "EXEAT_ADMIN_PATH", admin.toString()));
    return Sidecar.open(
        ConfigFile.read(settings), new Time(InstantSource.system(), System::nanoTime));
  }

  private static int probe(Path... sockets) {
    return Main.commandLine("probe")
        .execute(
            Stream.concat(Stream.of("probe"), Stream.of(sockets).map(Path::toString))
                .toArray(String[]::new));
  }

  @Test
  void theSidecarIsUpWhenEveryAgentHasItsSocket() throws IOException {
    assertThat(probe(admin, first, second)).isEqualTo(Exit.UNAVAILABLE);

    try (Sidecar _ = open()) {
      assertThat(probe(admin, first, second)).isEqualTo(Exit.OK);
      assertThat(probe(admin, first, folder.resolve("2"))).isEqualTo(Exit.UNAVAILABLE);
    }

    for (Path one : new Path[] {admin, first, second}) {
      assertThat(probe(one)).isEqualTo(Exit.UNAVAILABLE);
    }
  }

  /** A file that is there does not listen: what a killed sidecar leaves. */
  @Test
  void aSocketThatIsOnlyAFileIsNotUp() throws IOException {
    Files.createFile(first);

    assertThat(probe(first)).isEqualTo(Exit.UNAVAILABLE);
  }

  @Test
  void nothingToAskIsAMisuse() {
    assertThat(probe()).isEqualTo(Exit.USAGE);
  }
}
