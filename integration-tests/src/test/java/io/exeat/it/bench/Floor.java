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
    try (FileChannel file = own(folder)) {
      long begun = System.nanoTime();
      for (int i = 0; i < blocks; i++) {
        until(due(begun, i, aSecond));
        long before = System.nanoTime();
        var _ = file.write(ByteBuffer.allocate(BLOCK), (long) i * BLOCK);
        file.force(false);
        series.add(System.nanoTime() - before);
      }
    }
    return series;
  }

  /**
   * Appends blocks to a file of its own, each due at its time, and durable some time after: those
   * that fall due while others are made durable share the next fsync.
   *
   * @param folder on the disk that is meant
   * @return how long after its time each was durable
   */
  static Series records(Path folder, int aSecond, int blocks) throws IOException {
    Series series = new Series();
    try (FileChannel file = own(folder)) {
      long begun = System.nanoTime();
      int next = 0;
      while (next < blocks) {
        until(due(begun, next, aSecond));
        int first = next;
        for (long now = System.nanoTime();
            next < blocks && due(begun, next, aSecond) <= now;
            next++) {
          var _ = file.write(ByteBuffer.allocate(BLOCK), (long) next * BLOCK);
        }
        file.force(false);
        long durable = System.nanoTime();
        for (int i = first; i < next; i++) {
          series.add(durable - due(begun, i, aSecond));
        }
      }
    }
    return series;
  }

  private static FileChannel own(Path folder) throws IOException {
    return FileChannel.open(
        folder.resolve("floor"),
        StandardOpenOption.CREATE_NEW,
        StandardOpenOption.WRITE,
        StandardOpenOption.DELETE_ON_CLOSE);
  }

  private static void until(long due) {
    while (System.nanoTime() < due) {
      LockSupport.parkNanos(due - System.nanoTime());
    }
  }

  private static long due(long begun, int number, int aSecond) {
    return begun + number * 1_000_000_000L / aSecond;
  }
}
