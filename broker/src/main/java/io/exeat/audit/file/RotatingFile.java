package io.exeat.audit.file;

import io.exeat.audit.ChainFiles;
import io.exeat.base.OwnFolder;
import io.exeat.base.ReservedSpace;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The chain's files: a new one is begun when the last has reached its size. */
final class RotatingFile implements ChainFile {
  private final OwnFolder own;
  private final Path folder;
  private final long rotateAt;

  /** What is on its way to the kernel. */
  private final ByteBuffer bytes = ByteBuffer.allocateDirect(64 << 10);

  private @Nullable FileChannel channel;
  private long size;

  /**
   * @param own closed with this
   * @param tail where to go on; what is torn there is cut off
   * @param rotateAt bytes
   */
  RotatingFile(OwnFolder own, Tail tail, long rotateAt) throws IOException {
    this.own = own;
    this.folder = own.path();
    this.rotateAt = rotateAt;
    if (tail.file().isPresent()) {
      FileChannel last = FileChannel.open(tail.file().get(), StandardOpenOption.WRITE);
      last.truncate(tail.sound());
      last.force(true);
      channel = last;
      size = tail.sound();
    }
  }

  @Override
  public void append(long firstSeq, List<byte[]> lines) throws Full, IOException {
    int length = lines.stream().mapToInt(line -> line.length).sum();
    FileChannel to = channelFor(firstSeq);
    try {
      write(to, lines);
    } catch (IOException e) {
      if (!isFull(e, length)) {
        throw e;
      }
      // Cutting off the part that fitted needs no room.
      to.truncate(size);
      throw new Full(e);
    }
    try {
      to.force(false);
    } catch (IOException e) {
      // Some file systems find room only now; what fitted is unknown then, so this is no Full.
      throw new IOException("fsync of the audit chain failed", e);
    }
    size += length;
  }

  private void write(FileChannel to, List<byte[]> lines) throws IOException {
    bytes.clear();
    long at = size;
    for (byte[] line : lines) {
      for (int from = 0; from < line.length; ) {
        if (!bytes.hasRemaining()) {
          at = flush(to, at);
        }
        int part = Math.min(line.length - from, bytes.remaining());
        bytes.put(line, from, part);
        from += part;
      }
    }
    flush(to, at);
  }

  private long flush(FileChannel to, long from) throws IOException {
    long at = from;
    bytes.flip();
    while (bytes.hasRemaining()) {
      at += to.write(bytes, at);
    }
    bytes.clear();
    return at;
  }

  @Override
  public void close() {
    closeChannel();
    own.close();
  }

  private FileChannel channelFor(long firstSeq) throws Full, IOException {
    if (channel != null && size < rotateAt) {
      return channel;
    }
    Path next = ChainFiles.named(folder, firstSeq);
    try {
      FileChannel opened =
          FileChannel.open(
              next,
              Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      if (opened.size() > 0) {
        opened.close();
        throw new IOException(next + " is there already");
      }
      ReservedSpace.syncFolder(folder);
      closeChannel();
      channel = opened;
      size = 0;
      return opened;
    } catch (IOException e) {
      if (channel != null) {
        // A file that is too long is better than none.
        return channel;
      }
      if (isFull(e, 1)) {
        Files.deleteIfExists(next);
        throw new Full(e);
      }
      throw e;
    }
  }

  private void closeChannel() {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // Everything in it is durable already.
      }
      channel = null;
    }
  }

  /** The JDK gives the kernel's ENOSPC as text only, in the user's language. */
  private boolean isFull(IOException e, long needed) {
    String reason = e instanceof FileSystemException named ? named.getReason() : e.getMessage();
    return (reason != null && reason.contains("No space left on device"))
        || folder.toFile().getUsableSpace() < needed;
  }
}
