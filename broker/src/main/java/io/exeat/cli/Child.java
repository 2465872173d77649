package io.exeat.cli;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What runs under the task: one process and the folder of its password file. A signal stops it from
 * another thread, at any moment: what was begun by then is undone, and nothing begins afterwards.
 */
final class Child {
  /** In the folder. */
  static final String PASSWORD_FILE = "pgpass";

  /** A shell's exit code for it. */
  static final int NO_SUCH_PROGRAM = 127;

  private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

  /** Its two steps. */
  interface Beginning {
    /** A fresh folder; empty to do without. */
    Optional<Path> folder() throws IOException;

    /** Fills the folder and starts the process. */
    Process process(Optional<Path> folder) throws IOException;
  }

  @GuardedBy("this")
  private boolean stopping;

  @GuardedBy("this")
  private @Nullable Process process;

  @GuardedBy("this")
  private @Nullable Path folder;

  /** Whether there is a program of this path, or of this name on the PATH. */
  static boolean isProgram(String command) {
    Stream<Path> places =
        command.contains("/")
            ? Stream.of(Path.of(command))
            : Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
                .map(folder -> Path.of(folder, command));
    return places.anyMatch(it -> Files.isRegularFile(it) && Files.isExecutable(it));
  }

  /**
   * Begins, unless it was stopped before.
   *
   * @throws IOException when it was, or a step fails
   */
  synchronized Process start(Beginning beginning) throws IOException {
    if (stopping) {
      throw new IOException("stopped before the command was started");
    }
    Optional<Path> made = beginning.folder();
    folder = made.orElse(null);
    Process started = beginning.process(made);
    process = started;
    return started;
  }

  /** Ends the process, and lets none begin. */
  void stop() {
    Process running = stopping();
    if (running == null || !running.isAlive()) {
      return;
    }
    running.destroy();
    try {
      if (!running.waitFor(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        running.destroyForcibly();
      }
    } catch (InterruptedException e) {
      running.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private synchronized @Nullable Process stopping() {
    stopping = true;
    return process;
  }

  /** Nothing of the login stays behind. */
  synchronized void removeFolder() {
    if (folder == null) {
      return;
    }
    try {
      Files.deleteIfExists(folder.resolve(PASSWORD_FILE));
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
