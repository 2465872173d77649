package io.exeat.attest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;

/** A process of its own that connects to a door when told to. */
@NullMarked
public final class AgentProcess implements AutoCloseable {
  private final Process process;

  private AgentProcess(Process process) {
    this.process = process;
  }

  /**
   * Starts one.
   *
   * @param prefix what comes before the command, such as setpriv with a uid; or nothing
   * @param java the executable
   */
  public static AgentProcess start(Path door, List<String> prefix, Path java) {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            java.toString(),
            "-Xshare:auto",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            AgentMain.class.getProtectionDomain().getCodeSource().getLocation().getPath(),
            AgentMain.class.getName(),
            door.toString()));
    try {
      return new AgentProcess(
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** With this JVM's own executable. */
  public static AgentProcess start(Path door) {
    return start(door, List.of(), java());
  }

  /** This JVM's executable. */
  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  public int pid() {
    return (int) process.pid();
  }

  public void connect() {
    try {
      process.getOutputStream().write("\n".getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SIGKILL, and waits until it is reaped. */
  public void kill() {
    process.destroyForcibly();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + pid() + " does not die");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    kill();
  }
}
