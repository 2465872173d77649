package io.exeat.it.environment;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A file system of its own that can be full; in memory. */
public final class SmallDisk implements AutoCloseable {
  private static final Duration AT_ONCE = Duration.ofSeconds(10);

  private final Path mounted;

  private SmallDisk(Path mounted) {
    this.mounted = mounted;
  }

  /** Skips the test, with a printed line, where we may not mount anything. */
  public static SmallDisk mount(Path at, String size) {
    try {
      var _ =
          Processes.run(
              AT_ONCE,
              List.of("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", at.toString()));
      return new SmallDisk(at);
    } catch (IllegalStateException e) {
      System.err.println("skipped: a disk that can be full needs the right to mount one");
      return abort("no mount");
    }
  }

  /** A folder on it, not there yet. */
  public Path folder(String name) {
    return mounted.resolve(name);
  }

  /** Leaves no room. */
  public void fill() {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(ballast())) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      // It is full.
    }
  }

  /** Gives the room back. */
  public void free() {
    try {
      Files.deleteIfExists(ballast());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Nobody may write there, the superuser neither. */
  public void forbidWriting() {
    var _ = Processes.run(AT_ONCE, List.of("mount", "-o", "remount,ro", mounted.toString()));
  }

  private Path ballast() {
    return mounted.resolve("ballast");
  }

  @Override
  public void close() {
    var _ = Processes.run(AT_ONCE, List.of("umount", "-l", mounted.toString()));
  }
}
