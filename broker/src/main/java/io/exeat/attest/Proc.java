package io.exeat.attest;

import java.io.EOFException;
import java.io.FileInputStream;
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
  private static final int START_TIME = 22 - 3;

  private static final String PID = "\nPid:";

  /** Bytes that hold the fields that are looked for here. */
  private static final int ENOUGH = 1024;

  private Proc() {}

  /** Clock ticks since boot; -1 when there is no such process. */
  static long startTicks(int pid) {
    return stat(pid).map(fields -> Long.parseLong(fields[START_TIME])).orElse(-1L);
  }

  /** Whether it has exited and only waits for its parent to ask how. */
  static boolean isZombie(int pid) {
    try {
      String text = start("/proc/" + pid + "/stat");
      char state = text.charAt(text.lastIndexOf(')') + 2);
      return state == 'Z' || state == 'X';
    } catch (IOException e) {
      return true;
    }
  }

  /** The file's first bytes, in one read: what it says is true of one moment. */
  private static String start(String file) throws IOException {
    try (FileInputStream in = new FileInputStream(file)) {
      byte[] bytes = new byte[ENOUGH];
      int length = in.read(bytes);
      if (length < 0) {
        throw new EOFException(file);
      }
      return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
    }
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
      String text = start("/proc/self/fdinfo/" + fd);
      int at = text.indexOf(PID);
      return at < 0
          ? -1
          : Integer.parseInt(text.substring(at + PID.length(), text.indexOf('\n', at + 1)).strip());
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
