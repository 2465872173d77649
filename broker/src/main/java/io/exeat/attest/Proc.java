package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What {@code /proc} says; the pages are those of proc_pid_stat(5), proc_pid_status(5),
 * proc_pid_fdinfo(5).
 */
final class Proc {
  /** After the name, which is the second field and may hold anything, comes the third. */
  private static final int START_TIME = 22 - 3;

  private static final int THREADS = 20 - 3;

  private static final String PID = "\nPid:";

  /** Bytes that hold the fields that are looked for here. */
  private static final int ENOUGH = 1024;

  private Proc() {}

  /**
   * Clock ticks since boot; -1 when there is no such process.
   *
   * @throws FaultException Unavailable IDENTITY when that cannot be looked at
   */
  static long startTicks(int pid) {
    return stat(pid).map(fields -> Long.parseLong(fields.split(" ", -1)[START_TIME])).orElse(-1L);
  }

  /**
   * Whether it has exited and only waits for its parent to ask how. One whose first thread alone
   * has exited shows the same state, and lives.
   *
   * @throws FaultException Unavailable IDENTITY when that cannot be looked at
   */
  static boolean isZombie(int pid) {
    String fields = stat(pid).orElse("X");
    return fields.charAt(0) == 'X'
        || (fields.charAt(0) == 'Z' && Integer.parseInt(fields.split(" ", -1)[THREADS]) <= 1);
  }

  /** What is behind the name. */
  private static Optional<String> stat(int pid) {
    return start("/proc/" + pid + "/stat").map(text -> text.substring(text.lastIndexOf(')') + 2));
  }

  /**
   * The file's first bytes, in one read: what it says is true of one moment. Empty when there is no
   * such process or descriptor.
   *
   * @throws FaultException Unavailable IDENTITY when that cannot be looked at, as with too many
   *     files open: that says nothing of the process
   */
  private static Optional<String> start(String file) {
    try (FileInputStream in = open(file)) {
      byte[] bytes = new byte[ENOUGH];
      int length = in.read(bytes);
      return length < 0
          ? Optional.empty()
          : Optional.of(new String(bytes, 0, length, StandardCharsets.ISO_8859_1));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (FileNotFoundException e) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.IDENTITY,
              "this broker cannot look at the process: " + e.getMessage(),
              Duration.ofSeconds(1)),
          e);
    } catch (IOException e) {
      return Optional.empty(); // opened, and gone since: ESRCH
    }
  }

  /** Opening says the same of what is not there and of a broker with too many files open. */
  private static FileInputStream open(String file) throws IOException {
    try {
      return new FileInputStream(file);
    } catch (FileNotFoundException e) {
      if (Files.notExists(Path.of(file))) {
        throw new NoSuchFileException(file);
      }
      throw e;
    }
  }

  /**
   * The PID that a pidfd stands for, in our namespace: 0 in a foreign one, -1 when it has been
   * reaped.
   *
   * @throws FaultException Unavailable IDENTITY when that cannot be looked at
   */
  static int pidOfPidfd(int fd) {
    String text = start("/proc/self/fdinfo/" + fd).orElse("");
    int at = text.indexOf(PID);
    return at < 0
        ? -1
        : Integer.parseInt(text.substring(at + PID.length(), text.indexOf('\n', at + 1)).strip());
  }

  /**
   * The process's PIDs from the namespace of {@code /proc} inwards; empty when there is no such
   * process.
   */
  static List<String> pidsInwards(String pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc", pid, "status"))) {
        if (line.startsWith("NSpid:")) {
          return List.of(line.substring("NSpid:".length()).strip().split("\\s+", -1));
        }
      }
      return List.of();
    } catch (IOException e) {
      return List.of();
    }
  }
}
