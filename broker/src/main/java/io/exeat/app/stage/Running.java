package io.exeat.app.stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process of ours, with its output in a file; known by its handle, never by its name. */
public final class Running implements AutoCloseable {
  private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

  private final String name;
  private final Process process;
  private final Path log;

  private Running(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** Starts {@code command} in {@code folder}; both streams go to {@code folder/name.log}. */
  public static Running start(
      String name, Path folder, List<String> command, Map<String, String> environment) {
    Path log = folder.resolve(name + ".log");
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.environment().putAll(environment);
    try {
      return new Running(name, builder.start(), log);
    } catch (IOException e) {
      throw new StageException(name + " cannot be started: " + e.getMessage(), e);
    }
  }

  /** Runs {@code command} to its end and gives its output. */
  public static String run(Path folder, Duration within, List<String> command) {
    try {
      Path out = Files.createTempFile("exeat-run", ".out");
      try {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.redirectErrorStream(true).redirectOutput(out.toFile());
        Process process = builder.start();
        if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
          process.destroyForcibly();
          throw new StageException(
              command.getFirst() + " did not end within " + within.toSeconds() + " s");
        }
        String said = Files.readString(out);
        if (process.exitValue() != 0) {
          throw new StageException(
              command.getFirst() + " ended with " + process.exitValue() + ": " + said.strip());
        }
        return said;
      } finally {
        Files.delete(out);
      }
    } catch (IOException e) {
      throw new StageException(command.getFirst() + " cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StageException("interrupted", e);
    }
  }

  /** Whether it runs still. */
  public boolean isAlive() {
    return process.isAlive();
  }

  public long pid() {
    return process.pid();
  }

  /** The file with what it prints. */
  public Path log() {
    return log;
  }

  /**
   * Waits until {@code ready}, looking every 50 ms.
   *
   * @throws StageException when it has ended or {@code within} is over, with the end of its output
   */
  public Running await(Duration within, Ready ready) {
    long until = System.nanoTime() + within.toNanos();
    while (!ready.now()) {
      if (!process.isAlive()) {
        throw new StageException(name + " has ended with " + process.exitValue() + ":\n" + tail());
      }
      if (System.nanoTime() - until > 0) {
        close();
        throw new StageException(
            name + " was not ready within " + within.toSeconds() + " s:\n" + tail());
      }
      pause(Duration.ofMillis(50));
    }
    return this;
  }

  /** The last lines that it printed. */
  public String tail() {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size()));
    } catch (IOException e) {
      return "(" + log + " cannot be read)";
    }
  }

  /** SIGKILL: no chance to clean up. */
  public void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  /** SIGSTOP or SIGCONT and the like, by the kill command. */
  public void signal(String signal) {
    var _ =
        run(
            Path.of("/"),
            Duration.ofSeconds(5),
            List.of("kill", "-" + signal, Long.toString(process.pid())));
  }

  /** Waits for its end and gives its exit code. */
  public int exitCode(Duration within) {
    try {
      if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new StageException(name + " did not end within " + within.toSeconds() + " s");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StageException("interrupted", e);
    }
  }

  /** SIGTERM, and SIGKILL when that is not enough. Idempotent. */
  @Override
  public void close() {
    process.destroy();
    if (!awaitEnd()) {
      process.destroyForcibly();
      awaitEnd();
    }
  }

  private boolean awaitEnd() {
    try {
      return process.waitFor(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      return false;
    }
  }

  static void pause(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StageException("interrupted", e);
    }
  }

  /** Whether it is ready now; must not wait. */
  @FunctionalInterface
  public interface Ready {
    boolean now();
  }
}
