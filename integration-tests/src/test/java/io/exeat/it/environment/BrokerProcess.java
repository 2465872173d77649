package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** {@code exeat run}, packaged, as a process of its own; its folder outlives it. */
public final class BrokerProcess implements AutoCloseable {
  private static final Duration START = Duration.ofMinutes(2);

  /** As its users start it. */
  public static final Launch AS_PACKAGED =
      config -> Packaged.command("run", "--config", config.toString());

  private final Path folder;
  private final LongConsumer enrol;
  private Launch launch;
  private @Nullable Process process;

  /**
   * Writes the configuration and starts it.
   *
   * @param enrol tells the issuer who the process is
   */
  static BrokerProcess start(Path folder, String yaml, Launch launch, LongConsumer enrol) {
    try {
      Files.writeString(folder.resolve("exeat.yaml"), yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    BrokerProcess broker = new BrokerProcess(folder, launch, enrol);
    broker.run();
    return broker;
  }

  private BrokerProcess(Path folder, Launch launch, LongConsumer enrol) {
    this.folder = folder;
    this.launch = launch;
    this.enrol = enrol;
  }

  private void run() {
    Process started =
        Processes.start(
            // As the launcher: it becomes the java process, with one arena of native memory.
            Processes.join(
                List.of(
                    "env", "MALLOC_ARENA_MAX=1", "GLIBC_TUNABLES=glibc.malloc.tcache_count=127"),
                launch.command(folder.resolve("exeat.yaml")).toArray(String[]::new)),
            folder.resolve("log"));
    process = started;
    enrol.accept(started.pid());
  }

  /** How its process is started. */
  @FunctionalInterface
  public interface Launch {
    /** The words that become the process itself, not its child. */
    List<String> command(Path config);

    /**
     * As the sidecar of a pod: in a PID namespace of its own, on a node without swap. The process
     * is its parent, and takes it along when it is killed.
     */
    default Launch inAPod() {
      return config -> {
        Path none = config.resolveSibling("swaps");
        try {
          Files.writeString(none, "Filename\tType\tSize\tUsed\tPriority\n");
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        return Processes.join(
            List.of(
                "unshare",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                "mount --bind \"$0\" /proc/swaps && exec \"$@\"",
                none.toString()),
            command(config).toArray(String[]::new));
      };
    }
  }

  /** From the next start on. */
  public void launchBy(Launch other) {
    launch = other;
  }

  /** Starts it again on the same journal, and does not wait. */
  public void begin() {
    run();
  }

  /** Starts it again on the same journal, and waits until it serves. */
  public void restart() {
    begin();
    awaitServing();
  }

  /** Waits for the first answer of any kind at its socket. */
  public void awaitAnswer() {
    Processes.await(
        "the broker's first answer",
        START,
        Duration.ofMillis(2),
        () -> {
          if (!Files.exists(agentSocket())) {
            return false;
          }
          try (Client client = new Client(agentSocket())) {
            return client.isAnswered();
          }
        });
  }

  /** Waits until its health is what agents need. */
  public void awaitServing() {
    try (Client client = new Client(agentSocket())) {
      Processes.await(
          "the broker's serving",
          START,
          Duration.ofMillis(5),
          () -> {
            if (!isAlive()) {
              throw new IllegalStateException("the broker ended:\n" + log());
            }
            return Files.exists(agentSocket()) && client.isServing();
          });
    } catch (IllegalStateException e) {
      throw new IllegalStateException(e.getMessage() + "\n" + log(), e);
    }
  }

  public long pid() {
    return running().pid();
  }

  public boolean isAlive() {
    return process != null && process.isAlive();
  }

  public Path agentSocket() {
    return folder.resolve("run/agent.sock");
  }

  public Path adminSocket() {
    return folder.resolve("run/admin.sock");
  }

  public Path audit() {
    return folder.resolve("audit");
  }

  /** Facts in its journal, read from a copy: it alone may open the one it writes. */
  public long journalled() {
    try {
      Path copy = Files.createTempDirectory("journal");
      try {
        for (String file : java.util.List.of("journal.db", "journal.db-wal")) {
          Path from = folder.resolve("journal").resolve(file);
          if (Files.exists(from)) {
            Files.copy(from, copy.resolve(file));
          }
        }
        try (var connection =
                java.sql.DriverManager.getConnection("jdbc:sqlite:" + copy.resolve("journal.db"));
            var statement = connection.createStatement();
            var rows = statement.executeQuery("SELECT count(*) FROM fact")) {
          return rows.getLong(1);
        }
      } finally {
        Processes.delete(copy);
      }
    } catch (IOException | java.sql.SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Its {@code exeat.yaml}. */
  public String configuration() {
    try {
      return Files.readString(folder.resolve("exeat.yaml"), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All that it has said, over all its starts. */
  public String log() {
    try {
      Path log = folder.resolve("log");
      return Files.exists(log) ? Files.readString(log, StandardCharsets.UTF_8) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@code kill -9}: nothing is ended, nothing is said. */
  public void kill() {
    Processes.end(running(), "KILL");
  }

  /** It is there and does nothing. */
  public void freeze() {
    Processes.signal(running(), "STOP");
  }

  public void thaw() {
    Processes.signal(running(), "CONT");
  }

  /** SIGTERM; its exit code. */
  public int terminate() {
    Process running = running();
    Processes.signal(running, "TERM");
    try {
      if (!running.waitFor(20, java.util.concurrent.TimeUnit.SECONDS)) {
        throw new IllegalStateException("the broker did not end\n" + log());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return running.exitValue();
  }

  private Process running() {
    if (process == null) {
      throw new IllegalStateException("the broker was not started");
    }
    return process;
  }

  @Override
  public void close() {
    if (process != null) {
      // It is about the process alone: what it leaves open is the scenario's to look at.
      Processes.end(process, "KILL");
    }
  }
}
