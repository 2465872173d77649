package io.exeat.journal.sqlite;

import io.exeat.base.CannotStart;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * How many commits were told to callers, beside the database: SQLite takes a damaged write-ahead
 * log for a torn one and drops its end without a word, and this is what notices.
 *
 * <p>It is written after the commit is durable and not synced itself: a crash of the process loses
 * nothing, a crash of the machine leaves it behind the database, never ahead.
 */
final class Acknowledged implements AutoCloseable {
  private static final int SIZE = 16;

  private final Path file;
  private final FileChannel channel;
  private final long atStart;

  private Acknowledged(Path file, FileChannel channel, long atStart) {
    this.file = file;
    this.channel = channel;
    this.atStart = atStart;
  }

  /** Makes the file of a database without commits; durable on return, except for its name. */
  static void create(Path file) throws IOException {
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      write(channel, 0);
      channel.force(true);
    }
  }

  static Acknowledged open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw damaged(file + " is missing");
    }
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    ByteBuffer bytes = ByteBuffer.allocate(SIZE + 1);
    int size = channel.read(bytes, 0);
    bytes.flip();
    long count = size == SIZE ? bytes.getLong() : -1;
    if (size != SIZE || count < 0 || bytes.getLong() != ~count) {
      channel.close();
      throw damaged(file + " is damaged");
    }
    return new Acknowledged(file, channel, count);
  }

  private static CannotStart damaged(String what) {
    return new CannotStart(
        what + ": it says how far the journal must reach",
        "Restore the journal's folder as a whole. If it is lost: end what it knew of in Vault by hand,"
            + " then move the folder away.");
  }

  /** How many commits had been told to callers when this was opened. */
  long atStart() {
    return atStart;
  }

  void set(long commits) throws IOException {
    write(channel, commits);
  }

  @Override
  public void close() {
    try (channel) {
      channel.force(false);
    } catch (IOException e) {
      // It stays behind the database at worst.
    }
  }

  private static void write(FileChannel channel, long commits) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(SIZE).putLong(commits).putLong(~commits).flip();
    while (bytes.hasRemaining()) {
      channel.write(bytes, bytes.position());
    }
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
