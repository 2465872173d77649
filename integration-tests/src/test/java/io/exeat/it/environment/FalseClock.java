package io.exeat.it.environment;

import io.exeat.it.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;

/**
 * A wall clock that processes started by {@link #command} take for the system's, by libfaketime. It
 * can be set while they run; their monotonic clock goes on as it is.
 */
public final class FalseClock implements AutoCloseable {
  private static final Duration AT_ONCE = Duration.ofSeconds(5);

  private final Path folder;
  private final String library;

  private FalseClock(Path folder, String library) {
    this.folder = folder;
    this.library = library;
  }

  /** Right at first. Skips the test, with a printed line, where there is no libfaketime. */
  public static FalseClock make() {
    Path program = Needs.part("faketime", Binaries.onPath("faketime"));
    String library =
        Processes.run(AT_ONCE, List.of(program.toString(), "-f", "+0s", "printenv", "LD_PRELOAD"))
            .strip();
    try {
      // Servers run as other users, and read it.
      Path folder =
          Files.createTempDirectory(
              "exeat-clock",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
      FalseClock clock = new FalseClock(folder, library);
      clock.set(Duration.ZERO);
      return clock;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** From now on it is so far ahead of the system's. */
  public void set(Duration ahead) {
    try {
      Path next = Files.writeString(folder.resolve("next"), "%+d".formatted(ahead.toSeconds()));
      Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rw-r--r--"));
      Files.move(next, file(), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The words before a program's. */
  List<String> command() {
    return List.of(
        "env",
        "LD_PRELOAD=" + library,
        "FAKETIME_TIMESTAMP_FILE=" + file(),
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "DONT_FAKE_MONOTONIC=1");
  }

  private Path file() {
    return folder.resolve("clock");
  }

  @Override
  public void close() {
    Processes.delete(folder);
  }
}
