package io.exeat.identity.development;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A process as {@code /proc} shows it. */
record Caller(int pid, int uid, Optional<Path> path) {
  /** Empty when there is no such process. */
  static Optional<Caller> of(int pid) {
    Path proc = Path.of("/proc", Integer.toString(pid));
    try {
      for (String line : Files.readAllLines(proc.resolve("status"))) {
        if (line.startsWith("Uid:")) {
          int uid = Integer.parseInt(line.substring(4).strip().split("\\s", 2)[0]);
          return Optional.of(new Caller(pid, uid, executable(proc)));
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Path> executable(Path proc) {
    try {
      return Optional.of(Files.readSymbolicLink(proc.resolve("exe")));
    } catch (IOException e) {
      // Another user's process: the path is unknown, so no entry with a path matches.
      return Optional.empty();
    }
  }
}
