package io.exeat.gateway.mcp.stdio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;

/**
 * A server's home: a folder in memory (0700) that its user makes, fills and removes itself, so that
 * the broker needs no right over that user's files. What is in it is never on a disk.
 */
final class PrivateFolder implements AutoCloseable {
  private static final Path MEMORY = Path.of("/dev/shm");
  private static final SecureRandom RANDOM = new SecureRandom();

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
    Path path = MEMORY.resolve("exeat-mcp-" + HexFormat.of().formatHex(random));
    var _ =
        programs.run(
            user.command(List.of("mkdir", "--mode=0700", "--", path.toString())), new byte[0]);
    return new PrivateFolder(user, programs, path);
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

  /** Removes it with all in it. */
  @Override
  public void close() {
    var _ = programs.run(user.command(List.of("rm", "-rf", "--", path.toString())), new byte[0]);
  }
}
