package io.exeat.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.SplittableRandom;

/**
 * Room on a disk that is kept by a file of no use, to be given up when what must be written would
 * not fit otherwise. Owned by one thread.
 */
public final class ReservedSpace {
  private static final int BLOCK = 65_536;

  private final Path file;
  private final long size;
  private final Time time;
  private long nextLook;

  /**
   * @param size in bytes
   */
  public ReservedSpace(Path file, long size, Time time) {
    this.file = file;
    this.size = size;
    this.time = time;
    this.nextLook = time.after(Duration.ZERO);
  }

  /**
   * Sets the room aside; durable on return. Keeps what is set aside already.
   *
   * @throws IOException when it does not fit; then nothing is set aside
   */
  public void hold() throws IOException {
    if (Files.exists(file) && Files.size(file) == size) {
      return;
    }
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      // Random bytes: zeros would take no room on a file system that compresses.
      SplittableRandom random = new SplittableRandom();
      byte[] block = new byte[BLOCK];
      for (long left = size; left > 0; left -= block.length) {
        random.nextBytes(block);
        ByteBuffer buffer = ByteBuffer.wrap(block, 0, (int) Math.min(left, block.length));
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
      }
      channel.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  /**
   * Sets the room aside again if there is some to spare besides, so that a disk that is nearly full
   * does not count as usable in one moment and as full in the next. Looks at most once a second.
   *
   * @return whether it is set aside, with a quarter of it free besides
   */
  public boolean regain() {
    if (!time.reached(nextLook)) {
      return false;
    }
    nextLook = time.after(Duration.ofSeconds(1));
    try {
      hold();
      return file.toFile().getUsableSpace() >= size / 4;
    } catch (IOException e) {
      return false;
    }
  }

  /** Gives the room up. Idempotent. */
  public void release() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // Then there is no more room than before; what does not fit is the caller's to keep.
    }
  }

  /** Makes the names of new files in {@code folder} durable. */
  public static void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
