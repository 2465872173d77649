package io.exeat.app.stage;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Where programs are: named by a variable, on the PATH, in the usual folders, or in our cache. */
public final class Programs {
  private Programs() {}

  /**
   * {@code name} in the folder (or as the file) that {@code variable} names, else on the PATH.
   *
   * @throws StageException when the variable is set and no program is there
   */
  public static Optional<Path> find(String variable, String name) {
    String named = variable(variable, "");
    if (named.isEmpty()) {
      return onPath(name);
    }
    Path path = Path.of(named).toAbsolutePath();
    Path program = Files.isDirectory(path) ? path.resolve(name) : path;
    if (executable(program).isEmpty()) {
      throw new StageException(
          variable + " names " + named + ", but " + program + " is no program that can be run");
    }
    return Optional.of(program);
  }

  /** {@code name} on the PATH. */
  public static Optional<Path> onPath(String name) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":", -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> executable(Path.of(folder).toAbsolutePath().resolve(name)))
        .flatMap(Optional::stream)
        .findFirst();
  }

  /**
   * The folder with the newest version's {@code name} among those that {@code glob} matches in
   * {@code parent}.
   */
  static Optional<Path> newest(Path parent, String glob, String name) {
    if (!Files.isDirectory(parent)) {
      return Optional.empty();
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, glob)) {
      folders.forEach(
          folder -> executable(folder.resolve("bin").resolve(name)).ifPresent(found::add));
    } catch (IOException e) {
      return Optional.empty();
    }
    return found.stream().sorted().reduce((one, other) -> other);
  }

  private static String variable(String name, String otherwise) {
    String value = System.getenv().getOrDefault(name, "");
    return value.isEmpty() ? otherwise : value;
  }

  private static Optional<Path> executable(Path file) {
    return Optional.of(file).filter(Files::isRegularFile).filter(Files::isExecutable);
  }

  /** A folder of our cache; made when missing. The same as ./mvnw's. */
  public static Path cache(String name) {
    String home = variable("HOME", System.getProperty("user.home"));
    String user = variable("XDG_CACHE_HOME", Path.of(home, ".cache").toString());
    Path cache = Path.of(variable("EXEAT_CACHE", Path.of(user, "exeat").toString()));
    Path folder = cache.toAbsolutePath().resolve(name);
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new StageException(
          "the cache folder " + folder + " cannot be made; set EXEAT_CACHE to one that can", e);
    }
    return folder;
  }
}
