package io.exeat.it.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.LockSupport;

/** What the machine itself takes for what no decision on record can do without. */
final class Floor {
  private static final int BLOCK = 4_096;

  private Floor() {}

  /**
   * Appends blocks to a file of its own, each made durable before the next one, and none before its
   * time.
   *
   * @param folder on the disk that is meant
   */
  static Series fsync(Path folder, int aSecond, int blocks) throws IOException {
    Series series = new Series();
    try (FileChannel file =
        FileChannel.open(
            folder.resolve("floor"),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE)) {
      long begun = System.nanoTime();
      for (int i = 0; i < blocks; i++) {
        long due = begun + i * 1_000_000_000L / aSecond;
        while (System.nanoTime() < due) {
          LockSupport.parkNanos(due - System.nanoTime());
        }
        long before = System.nanoTime();
        var _ = file.write(ByteBuffer.allocate(BLOCK), (long) i * BLOCK);
        file.force(false);
        series.add(System.nanoTime() - before);
      }
    }
    return series;
  }
}
