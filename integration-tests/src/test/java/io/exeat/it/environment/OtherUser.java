package io.exeat.it.environment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Users that agents run as, where a root runs the tests; uids that are in no file will do. */
public final class OtherUser {
  public static final int AGENT = 41001;
  public static final int STRANGER = 41002;

  /** A group that such agents are in, and the socket is of; empty where there are none. */
  static final String GROUP = isRoot() ? groups().map(it -> it[0]).findFirst().orElse("") : "";

  private OtherUser() {}

  /** Whether this process can start others as anybody. */
  public static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  /** The words before a command that make it another user's; none for our own. */
  static List<String> as(Optional<Integer> uid) {
    return uid.map(it ->
            List.of(
                "setpriv",
                "--reuid=" + it,
                "--regid=" + groups().map(group -> group[2]).findFirst().orElseThrow(),
                "--clear-groups"))
        .orElse(List.of());
  }

  private static Stream<String[]> groups() {
    try {
      return Files.readAllLines(Path.of("/etc/group")).stream()
          .map(line -> line.split(":", -1))
          .filter(group -> List.of("nogroup", "nobody").contains(group[0]));
    } catch (IOException e) {
      return Stream.empty();
    }
  }
}
