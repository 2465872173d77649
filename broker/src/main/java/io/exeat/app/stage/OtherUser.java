package io.exeat.app.stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An existing user of this host, to run something as: only root may.
 *
 * @param name in /etc/passwd
 */
public record OtherUser(String name, int uid, int gid) {
  private static final Path SELF = Path.of("/proc/self");

  /** The uid of this process. */
  public static int own() {
    try {
      return (Integer) Files.getAttribute(SELF, "unix:uid");
    } catch (IOException e) {
      throw new StageException("/proc/self cannot be read", e);
    }
  }

  public static boolean areRoot() {
    return own() == 0;
  }

  /** The first of {@code names} that exists. */
  public static Optional<OtherUser> first(String... names) {
    List<String> lines;
    try {
      lines = Files.readAllLines(Path.of("/etc/passwd"));
    } catch (IOException e) {
      return Optional.empty();
    }
    for (String name : names) {
      for (String line : lines) {
        String[] fields = line.split(":", -1);
        if (fields.length > 3 && fields[0].equals(name)) {
          return Optional.of(
              new OtherUser(name, Integer.parseInt(fields[2]), Integer.parseInt(fields[3])));
        }
      }
    }
    return Optional.empty();
  }

  /** The name of its group; the number when it has none. */
  public String group() {
    try {
      for (String line : Files.readAllLines(Path.of("/etc/group"))) {
        String[] fields = line.split(":", -1);
        if (fields.length > 2 && fields[2].equals(Integer.toString(gid))) {
          return fields[0];
        }
      }
    } catch (IOException e) {
      throw new StageException("/etc/group cannot be read", e);
    }
    return Integer.toString(gid);
  }

  /** {@code command} as this user, without any group but its own. */
  public List<String> run(List<String> command) {
    Path setpriv =
        Programs.onPath("setpriv")
            .orElseThrow(() ->
                new StageException(
                    "setpriv (package util-linux) is needed to run something as " + name));
    List<String> all =
        new ArrayList<>(
            List.of(
                setpriv.toString(),
                "--reuid=" + uid,
                "--regid=" + gid,
                "--clear-groups",
                "--no-new-privs",
                "--"));
    all.addAll(command);
    return all;
  }

  /** Whether this user may run {@code program} and read {@code file}. */
  public boolean canUse(Path program, Path file) {
    try {
      var _ =
          Running.run(
              Path.of("/"),
              java.time.Duration.ofSeconds(5),
              run(
                  List.of(
                      "sh",
                      "-c",
                      "test -x \"$0\" && test -r \"$1\"",
                      program.toString(),
                      file.toString())));
      return true;
    } catch (StageException e) {
      return false;
    }
  }
}
