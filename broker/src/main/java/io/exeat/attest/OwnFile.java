package io.exeat.attest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A process's memory as {@code /proc/<pid>/statm} tells it, proc_pid_statm(5), kept open. It stays
 * that process's, whoever has the PID later; a process that exits has no memory first of all. One
 * read costs a tenth of what it costs to open and read what is looked at otherwise.
 */
final class OwnFile {
  private final FileChannel statm;

  private OwnFile(FileChannel statm) {
    this.statm = statm;
  }

  /** Of the process that has the PID now; null when it cannot be had. */
  static @Nullable OwnFile open(int pid) {
    try {
      return new OwnFile(FileChannel.open(Path.of("/proc", Integer.toString(pid), "statm")));
    } catch (IOException e) {
      return null;
    }
  }

  /** Whether it certainly has not exited. False also when that cannot be told. */
  boolean isOfTheLiving() {
    ByteBuffer size = ByteBuffer.allocate(1);
    try {
      return statm.read(size, 0) == 1 && size.get(0) >= '1' && size.get(0) <= '9';
    } catch (IOException e) { // it has been reaped, or this is closed
      return false;
    }
  }

  void close() {
    try {
      statm.close();
    } catch (IOException e) {
      // Nothing was written.
    }
  }
}
