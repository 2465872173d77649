package io.exeat.it.environment;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** Starting, signalling and ending processes, each by its own id. */
final class Processes {
  private static final int LOWEST_PORT = 12_000;
  private static final int FIRST_OF_THE_KERNELS = 32_768;

  private Processes() {}

  /**
   * A port that was free a moment ago, on the loopback address; below those that the kernel gives
   * to connections, so that none of these has it when a server stops and starts again.
   */
  static int freePort() {
    for (int left = 100; left > 0; left--) {
      int port = ThreadLocalRandom.current().nextInt(LOWEST_PORT, FIRST_OF_THE_KERNELS);
      try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException e) {
        // Another has it.
      }
    }
    throw new IllegalStateException("no free port");
  }

  static boolean answers(int port) {
    try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Runs a command to its end; its output is in the message when it fails. The output goes to a
   * file: a child that outlives the command would hold a pipe open past the bound.
   */
  static String run(Duration atMost, List<String> command) {
    try {
      Path said = Files.createTempFile("exeat-run", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        process.getOutputStream().close();
        boolean ended = process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS);
        if (!ended || process.exitValue() != 0) {
          process.destroyForcibly();
          throw new IllegalStateException(
              "%s %s:\n%s"
                  .formatted(
                      command.getFirst(),
                      ended ? "failed" : "did not end within " + atMost,
                      Files.readString(said)));
        }
        return Files.readString(said);
      } finally {
        Files.delete(said);
      }
    } catch (IOException e) {
      throw new IllegalStateException(command.getFirst() + " did not start", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  static Process start(List<String> command, Path log) {
    try {
      return new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
          .start();
    } catch (IOException e) {
      throw new IllegalStateException(command.getFirst() + " did not start", e);
    }
  }

  /** Such as {@code STOP}: to this process alone. */
  static void signal(Process process, String name) {
    run(Duration.ofSeconds(5), List.of("kill", "-" + name, Long.toString(process.pid())));
  }

  /** Asks it to end, and ends it when it does not. */
  static void end(Process process, String signal) {
    if (process.isAlive()) {
      try {
        signal(process, signal);
      } catch (IllegalStateException e) {
        if (process.isAlive()) { // else somebody was faster
          throw e;
        }
      }
      try {
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
          process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }

  static void await(String what, Duration atMost, BooleanSupplier condition) {
    await(what, atMost, Duration.ofMillis(20), condition);
  }

  static void await(String what, Duration atMost, Duration pause, BooleanSupplier condition) {
    long until = System.nanoTime() + atMost.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - until > 0) {
        throw new IllegalStateException(what + " did not happen within " + atMost);
      }
      java.util.concurrent.locks.LockSupport.parkNanos(pause.toNanos());
    }
  }

  static List<String> join(List<String> first, String... then) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(then));
    return all;
  }

  static void delete(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      // What is left in the temporary folder is the system's to remove.
    }
  }
}
