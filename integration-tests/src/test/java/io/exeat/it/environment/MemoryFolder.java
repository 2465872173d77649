package io.exeat.it.environment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder in memory: what is written there waits for no disk. */
public record MemoryFolder(Path path) implements AutoCloseable {
  private static final Path MEMORY = Path.of("/dev/shm");

  public static MemoryFolder make() throws IOException {
    return new MemoryFolder(Files.createTempDirectory(MEMORY, "exeat-"));
  }

  @Override
  public void close() {
    Processes.delete(path);
  }
}
