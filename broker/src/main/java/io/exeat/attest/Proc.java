package io.exeat.attest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What {@code /proc} says; the pages are those of proc_pid_stat(5), proc_pid_status(5),
 * proc_pid_fdinfo(5).
 */
final class Proc {
  /** After the name, which is the second field and may hold anything, comes the third. */
  private static final int STATE = 0;

  private static final int START_TIME = 22 - 3;

  private Proc() {}

  /** Clock ticks since boot; -1 when there is no such process. */
  static long startTicks(int pid) {
    return stat(pid).map(fields -> Long.parseLong(fields[START_TIME])).orElse(-1L);
  }

  /** Whether it has exited and only waits for its parent to ask how. */
  static boolean isZombie(int pid) {
    return stat(pid)
        .map(fields -> fields[STATE].equals("Z") || fields[STATE].equals("X"))
        .orElse(true);
  }

  private static Optional<String[]> stat(int pid) {
    try {
      String text =
          Files.readString(
              Path.of("/proc", Integer.toString(pid), "stat"), StandardCharsets.ISO_8859_1);
      return Optional.of(text.substring(text.lastIndexOf(')') + 2).split(" ", -1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /**
   * The PID that a pidfd stands for, in our namespace: 0 in a foreign one, -1 when it has been
   * reaped.
   */
  static int pidOfPidfd(int fd) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo", Integer.toString(fd)))) {
        if (line.startsWith("Pid:")) {
          return Integer.parseInt(line.substring("Pid:".length()).strip());
        }
      }
      return -1;
    } catch (IOException e) {
      return -1;
    }
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
