package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PasswordFileTest {
  private static final Path SHARED = Path.of("/dev/shm");

  @TempDir private Path disk;
  private Path files;
  private Path runtime;

  @BeforeEach
  void make() throws IOException {
    Assumptions.assumeTrue(isMemory(SHARED) && !isMemory(disk), "needs a tmpfs and a disk");
    files = Files.createTempDirectory(SHARED, "files-");
    runtime = Files.createTempDirectory(SHARED, "runtime-");
  }

  private static boolean isMemory(Path folder) throws IOException {
    return Files.isDirectory(folder) && Files.getFileStore(folder).type().equals("tmpfs");
  }

  @AfterEach
  void remove() throws IOException {
    if (files != null) {
      Files.deleteIfExists(files);
      Files.deleteIfExists(runtime);
    }
  }

  @Test
  void theContainersOwnVolumeComesFirstThenTheUsers() throws IOException {
    assertThat(
            parent(Map.of("EXEAT_FILES", files.toString(), "XDG_RUNTIME_DIR", runtime.toString())))
        .contains(files);
    assertThat(parent(Map.of("EXEAT_FILES", "", "XDG_RUNTIME_DIR", runtime.toString())))
        .contains(runtime);
    assertThat(parent(Map.of())).contains(SHARED);
  }

  @Test
  void whatIsOnADiskIsPassedOver() throws IOException {
    assertThat(parent(Map.of("EXEAT_FILES", disk.toString()))).contains(SHARED);
    assertThat(parent(Map.of("EXEAT_FILES", disk.resolve("none").toString()))).contains(SHARED);
  }

  /** Of the folder that is made, which its user alone may enter and which is removed again. */
  private static Optional<Path> parent(Map<String, String> environment) throws IOException {
    Optional<Path> made = PasswordFile.folderInMemory(environment);
    if (made.isPresent()) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made.get())))
          .isEqualTo("rwx------");
      Files.delete(made.get());
    }
    return made.map(Path::getParent);
  }
}
