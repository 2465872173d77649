package io.exeat.base;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A folder that one broker at a time works in: made for its user alone (0700), and locked. */
public final class OwnFolder implements AutoCloseable {
  private final Path path;
  private final FileChannel lockFile;

  private OwnFolder(Path path, FileChannel lockFile) {
    this.path = path;
    this.lockFile = lockFile;
  }

  /**
   * Makes the folder if it is not there, durable on return, and locks it.
   *
   * @param what it is for people, such as {@code journal}; the lock is its file {@code <what>.lock}
   * @throws CannotStart when another broker holds it
   */
  public static OwnFolder hold(Path path, String what) throws IOException {
    if (!Files.exists(path)) {
      Path absolute = path.toAbsolutePath();
      Files.createDirectories(
          absolute,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      Path parent = absolute.getParent();
      ReservedSpace.syncFolder(parent == null ? absolute : parent);
    }
    FileChannel channel =
        FileChannel.open(
            path.resolve(what + ".lock"),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    if (tryLock(channel) == null) {
      channel.close();
      throw new CannotStart(
          "the " + what + " in " + path + " is in use by another broker",
          "Stop that one, or give this one a folder of its own for its " + what + ".");
    }
    return new OwnFolder(path, channel);
  }

  public Path path() {
    return path;
  }

  /** Gives the lock up. Idempotent. */
  @Override
  public void close() {
    try {
      lockFile.close();
    } catch (IOException e) {
      // The lock ends with the process at the latest.
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }
}
