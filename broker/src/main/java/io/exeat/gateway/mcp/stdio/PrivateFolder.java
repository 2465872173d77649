package io.exeat.gateway.mcp.stdio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server's home: a folder in memory (0700) that its user makes, fills and removes itself, so that
 * the broker needs no right over that user's files. What is in it is never on a disk.
 */
final class PrivateFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PrivateFolder.class);
  private static final Pattern NAME =
      Pattern.compile("exeat-mcp-(([0-9]{1,10})-[0-9]{1,15})-[0-9a-f]{24}");
  private static final Path MEMORY = Path.of("/dev/shm");
  private static final String PREFIX = "exeat-mcp-";
  private static final SecureRandom RANDOM = new SecureRandom();

  /** In the name of each, so that it is known whose it was: the broker's process and its start. */
  private static final String OWNER = owner(ProcessHandle.current().pid());

  private final RunAs user;
  private final Programs programs;
  private final Path path;

  private PrivateFolder(RunAs user, Programs programs, Path path) {
    this.user = user;
    this.programs = programs;
    this.path = path;
  }

  /**
   * Makes one.
   *
   * @throws IllegalStateException when it cannot be made, or would not be in memory
   */
  static PrivateFolder make(RunAs user, Programs programs) {
    try {
      String kind = Files.getFileStore(MEMORY).type();
      if (!kind.equals("tmpfs")) {
        throw new IllegalStateException(MEMORY + " is no tmpfs but " + kind);
      }
    } catch (IOException e) {
      throw new IllegalStateException(MEMORY + " is not there", e);
    }
    byte[] random = new byte[12];
    RANDOM.nextBytes(random);
    Path path = MEMORY.resolve(PREFIX + OWNER + "-" + HexFormat.of().formatHex(random));
    var _ =
        programs.run(
            user.command(List.of("mkdir", "--mode=0700", "--", path.toString())), new byte[0]);
    return new PrivateFolder(user, programs, path);
  }

  /**
   * A process and its start, in ticks since boot ({@code /proc/<pid>/stat}, field 22), which no
   * setting of a clock changes.
   */
  static String owner(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // A process's name may hold anything, but it is in brackets: field 3 follows the last one.
      return pid + "-" + stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[22 - 3];
    } catch (IOException e) {
      return pid + "-gone";
    }
  }

  /** Removes what brokers left of this user's that were killed and could not remove it. */
  static void sweep(RunAs user, Programs programs) {
    try (Stream<Path> all = Files.list(MEMORY)) {
      for (Path path : all.filter(PrivateFolder::isLeft).toList()) {
        if (user.uid(programs) == (Integer) Files.getAttribute(path, "unix:uid")) {
          new PrivateFolder(user, programs, path).close();
        }
      }
    } catch (IOException | IllegalStateException e) {
      LOG.warn("folders of a broker before this one may be left in {}", MEMORY, e);
    }
  }

  private static boolean isLeft(Path path) {
    Matcher name = NAME.matcher(path.getFileName().toString());
    return name.matches() && !owner(Long.parseLong(name.group(2))).equals(name.group(1));
  }

  Path path() {
    return path;
  }

  /** Writes a file (0600) that only the server's user can read. */
  Path write(String name, byte[] content) {
    Path file = path.resolve(name);
    // The content comes by a pipe: on a command line everybody could read it.
    var _ =
        programs.run(
            user.command(
                List.of("sh", "-c", "umask 077; exec cat > \"$1\"", "sh", file.toString())),
            content);
    return file;
  }

  /**
   * Removes it with all in it; says so when it cannot, for what else is to end ends all the same.
   */
  @Override
  public void close() {
    try {
      var _ = programs.run(user.command(List.of("rm", "-rf", "--", path.toString())), new byte[0]);
    } catch (IllegalStateException e) {
      LOG.warn("{} is left; it goes when the next broker starts a server of its user", path, e);
    }
  }
}
