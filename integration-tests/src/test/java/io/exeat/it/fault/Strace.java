package io.exeat.it.fault;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;

import io.exeat.it.Needs;
import io.exeat.it.environment.Binaries;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A fault at the n-th write or fsync of some files, by the kernel, through {@code strace}. */
final class Strace {
  private final Path program = Needs.part("strace", Binaries.onPath("strace"));
  private final List<Path> files;

  /**
   * @param files or folders' files, by their names
   */
  Strace(List<Path> files) {
    this.files = List.copyOf(files);
  }

  /**
   * Skips the test, with a printed line, where we may not look into a sidecar: it shows nobody but
   * root what its files are, soon after its start.
   */
  static void needsRoot() {
    if (!OtherUser.isRoot()) {
      System.err.println("skipped: strace sees the files of a sidecar as root alone");
      abort("not root");
    }
  }

  /**
   * The broker, with faults.
   *
   * @param calls system calls, such as {@code pwrite64,fdatasync}
   * @param fault such as {@code signal=KILL:when=7} or {@code error=EIO:when=3+}
   */
  BrokerProcess.Launch inject(String calls, String fault) {
    return config -> {
      List<String> command =
          // As its grandchild, so that the process keeps its id.
          new ArrayList<>(List.of(program.toString(), "-D", "-qq", "-f", "-o", "/dev/null"));
      if (!fault.contains("signal=")) {
        command.add("--seccomp-bpf"); // faster, but it lets no signal through
      }
      command.addAll(faults(calls, fault));
      command.addAll(Packaged.command("run", "--config", config.toString()));
      return command;
    };
  }

  private List<String> faults(String calls, String fault) {
    List<String> words = new ArrayList<>();
    files.forEach(file -> words.addAll(List.of("-P", file.toString())));
    words.addAll(List.of("-e", "trace=" + calls, "-e", "inject=" + calls + ":" + fault));
    return words;
  }

  /**
   * From when this returns a broker that runs already meets the fault, until it is closed. To be
   * had as root alone: a sidecar's memory is closed to others, its own user's debuggers too.
   */
  Attached attach(BrokerProcess broker, String calls, String fault) {
    List<String> command =
        new ArrayList<>(
            List.of(
                program.toString(), "-f", "-o", "/dev/null", "-p", Long.toString(broker.pid())));
    command.addAll(faults(calls, fault));
    try {
      Process tracing = new ProcessBuilder(command).redirectErrorStream(true).start();
      StringBuilder said = new StringBuilder();
      // "strace: Process 1234 attached with 30 threads"
      while (!said.toString().contains("attached")) {
        int next = tracing.getInputStream().read();
        if (next < 0) {
          throw new IllegalStateException("strace ended: " + said);
        }
        said.append(new String(new byte[] {(byte) next}, StandardCharsets.US_ASCII));
      }
      return new Attached(tracing, broker);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A fault that a broker meets. */
  record Attached(Process tracing, BrokerProcess broker) implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(10);
    private static final Duration STILL = Duration.ofMillis(100);

    /**
     * A call that strace lets go of after it was begun and before it is over fails as one that the
     * kernel does not have: so the process stands still meanwhile.
     */
    @Override
    public void close() {
      if (!broker.isAlive()) {
        letGo();
        return;
      }
      broker.freeze();
      try {
        await().atMost(SOON).during(STILL).until(this::isStill);
        letGo();
      } finally {
        broker.thaw();
      }
    }

    private void letGo() {
      tracing.destroy();
      try {
        if (!tracing.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)) {
          throw new IllegalStateException("strace does not let go");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** Whether no thread runs, and strace has nothing to do for any. */
    private boolean isStill() throws IOException {
      try (Stream<Path> threads =
          Files.list(Path.of("/proc", Long.toString(broker.pid()), "task"))) {
        return threads.allMatch(thread -> "tT".contains(state(thread)))
            && state(Path.of("/proc", Long.toString(tracing.pid()))).equals("S");
      }
    }

    private static String state(Path process) {
      try {
        String stat = Files.readString(process.resolve("stat"));
        return stat.substring(stat.lastIndexOf(')') + 2).substring(0, 1);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
