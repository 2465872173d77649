package io.exeat.gateway.grpc;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The place of a Unix socket in the file system: made so that nobody else can put something there,
 * seen or connected to only with its final owner and mode, and never taken from a broker that
 * lives.
 *
 * <p>A kernel lock on {@code <socket>.lock} says who has the place; it ends with its process.
 */
public final class SocketFile implements AutoCloseable {

  /** {@code sun_path} of unix(7), less the closing NUL. */
  private static final int PATH_BYTES = 107;

  private static final Logger LOG = LoggerFactory.getLogger(SocketFile.class);

  private final Path path;
  private final Path fresh;
  private final FileChannel lockFile;
  private final FileLock lock;
  private @Nullable Object key;

  private SocketFile(Path path, Path fresh, FileChannel lockFile, FileLock lock) {
    this.path = path;
    this.fresh = fresh;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /**
   * Takes the place {@code path}, creating its directory with mode 0750 where it is missing.
   *
   * @throws IOException saying what is wrong with the place, who has it, and what to do
   */
  public static SocketFile take(Path path, Optional<String> group) throws IOException {
    Path absolute = path.toAbsolutePath().normalize();
    Path directory = directoryOf(absolute);
    Path nursery = nursery(directory, absolute);
    Path fresh = nursery.resolve("s");
    prepare(directory, group);
    FileChannel lockFile =
        FileChannel.open(
            directory.resolve(absolute.getFileName() + ".lock"),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      FileLock lock = lock(lockFile, absolute);
      refuseWhatIsThere(absolute);
      clear(nursery);
      Files.createDirectory(
          nursery,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      return new SocketFile(absolute, fresh, lockFile, lock);
    } catch (IOException e) {
      lockFile.close();
      throw e;
    }
  }

  /**
   * Looks whether {@code path} could be taken, apart from who has it now; makes nothing.
   *
   * @throws IOException as {@link #take}
   */
  static void check(Path path) throws IOException {
    Path directory = directoryOf(path.toAbsolutePath().normalize());
    refuseLinks(directory);
    Path parent = Objects.requireNonNull(directory.getParent());
    if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      refuseOthers(directory);
    } else if (!Files.isWritable(parent)) {
      throw new IOException(
          directory
              + ": not there, and "
              + parent
              + " is not ours to make it in; make it with mode 0750");
    }
  }

  private static Path directoryOf(Path absolute) throws IOException {
    Path directory = absolute.getParent();
    if (directory == null || directory.getParent() == null) {
      throw new IOException(absolute + ": the socket must be in a directory of its own, not in /");
    }
    // The fresh socket's path is the longer one.
    int bytes =
        nursery(directory, absolute)
            .resolve("s")
            .toString()
            .getBytes(java.nio.charset.StandardCharsets.UTF_8)
            .length;
    if (bytes > PATH_BYTES) {
      throw new IOException(
          absolute + ": too long for a socket by " + (bytes - PATH_BYTES) + " bytes");
    }
    return directory;
  }

  private static Path nursery(Path directory, Path absolute) {
    return directory.resolve("." + absolute.getFileName() + ".new");
  }

  private static void refuseLinks(Path directory) throws IOException {
    for (Path part : new Path[] {directory.getParent(), directory}) {
      if (Files.isSymbolicLink(part)) {
        throw new IOException(part + ": a symbolic link; name the directory itself");
      }
    }
  }

  private static void prepare(Path directory, Optional<String> group) throws IOException {
    refuseLinks(directory);
    if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      Set<PosixFilePermission> mode = PosixFilePermissions.fromString("rwxr-x---");
      Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(mode));
      Files.setPosixFilePermissions(directory, mode); // whatever the umask took
      give(directory, group);
    }
    refuseOthers(directory);
  }

  private static void refuseOthers(Path directory) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(directory + ": not a directory");
    }
    UserPrincipal owner = Files.getOwner(directory, LinkOption.NOFOLLOW_LINKS);
    UserPrincipal we = Files.getOwner(Path.of("/proc/self"));
    if (!owner.equals(we)) {
      throw new IOException(
          "%s: belongs to %s, the broker runs as %s; give it to %s"
              .formatted(directory, owner.getName(), we.getName(), we.getName()));
    }
    Set<PosixFilePermission> mode =
        Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS);
    if (mode.contains(PosixFilePermission.GROUP_WRITE)
        || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException(
          "%s: others than its owner can write to it (%s); set mode 0750"
              .formatted(directory, PosixFilePermissions.toString(mode)));
    }
  }

  private static FileLock lock(FileChannel lockFile, Path path) throws IOException {
    try {
      FileLock lock = lockFile.tryLock();
      if (lock != null) {
        return lock;
      }
    } catch (OverlappingFileLockException e) {
      throw new IOException(path + ": in use by another door of this process", e);
    }
    throw new IOException(
        path + ": in use by " + holder(path) + "; stop it or choose another path");
  }

  /** Who answers at the socket, for people. */
  private static String holder(Path path) {
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(path));
      return "a process of user "
          + probe.getOption(jdk.net.ExtendedSocketOptions.SO_PEERCRED).user();
    } catch (IOException | UnsupportedOperationException e) {
      return "a process that is starting or stopping";
    }
  }

  private static void refuseWhatIsThere(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    int type = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0170000;
    if (type != 0140000) { // S_IFMT, S_IFSOCK of inode(7)
      throw new IOException(path + ": there is something else than a socket; it is left as it is");
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(path));
    } catch (IOException stale) {
      LOG.debug("{}: nobody is behind it any more", path, stale);
      return;
    }
    throw new IOException(
        path + ": in use by " + holder(path) + "; stop it or choose another path");
  }

  /** Where to bind: in a directory that only the broker can enter. */
  public Path fresh() {
    return fresh;
  }

  /** Gives the bound socket its group and mode, then its name, in place of a stale one. */
  public void publish(String mode, Optional<String> group) throws IOException {
    give(fresh, group);
    Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(mode));
    key = key(fresh);
    Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    clear(Objects.requireNonNull(fresh.getParent()));
  }

  private static void give(Path path, Optional<String> group) throws IOException {
    if (group.isEmpty()) {
      return;
    }
    try {
      var principal =
          path.getFileSystem()
              .getUserPrincipalLookupService()
              .lookupPrincipalByGroupName(group.get());
      Files.setAttribute(path, "posix:group", principal, LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      throw new IOException(
          "%s: cannot be given to group %s; does it exist, and is the broker in it?"
              .formatted(path, group.get()),
          e);
    }
  }

  private static Object key(Path path) throws IOException {
    return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }

  /** What a broker that was killed while starting left there. */
  private static void clear(Path nursery) throws IOException {
    Files.deleteIfExists(nursery.resolve("s"));
    Files.deleteIfExists(nursery);
  }

  /** Removes the socket if it is still the one that was published, and gives the place up. */
  @Override
  public void close() {
    try {
      clear(Objects.requireNonNull(fresh.getParent()));
      if (key != null && key.equals(key(path))) {
        Files.delete(path);
      }
    } catch (NoSuchFileException gone) {
      LOG.debug("{}: removed by somebody else", path, gone);
    } catch (IOException e) {
      LOG.warn("{}: could not be removed", path, e);
    }
    try (lockFile) {
      if (lock.isValid()) {
        lock.release();
      }
    } catch (IOException e) {
      LOG.warn("{}: the lock could not be given up", path, e);
    }
  }
}
