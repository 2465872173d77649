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

  /** {@code name} in the folder (or as the file) that {@code variable} names, else on the PATH. */
  public static Optional<Path> find(String variable, String name) {
    String named = System.getenv().getOrDefault(variable, "");
    if (!named.isEmpty()) {
      Path path = Path.of(named).toAbsolutePath();
      return executable(Files.isDirectory(path) ? path.resolve(name) : path);
    }
    return onPath(name);
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

  private static Optional<Path> executable(Path file) {
    return Optional.of(file).filter(Files::isRegularFile).filter(Files::isExecutable);
  }

  /** A folder of our cache; made when missing. The same as ./mvnw's. */
  static Path cache(String name) {
    String named = System.getenv().getOrDefault("EXEAT_CACHE", "");
    String xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
    Path cache =
        !named.isEmpty()
            ? Path.of(named)
            : (!xdg.isEmpty() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("exeat");
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
