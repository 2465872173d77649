package io.exeat.it.environment;

import io.exeat.app.stage.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Python for programs that ship, with what their requirements name: from PyPI by pip, as that is
 * configured, into the cache folder, once.
 */
final class AgentPython {
  private static final Duration FETCH = Duration.ofMinutes(5);

  private AgentPython() {}

  /**
   * Makes a virtual environment. Empty, with one line about it, where there is no Python that this
   * user can run, or where it cannot be fetched.
   *
   * @param made the folder of it, which the user can reach
   * @return its {@code bin}
   */
  static Optional<Path> make(Path made, Path requirements, int uid) {
    try {
      Path pip = Binaries.onPath("python3").orElseThrow(() -> gone("no python3"));
      Path python =
          Stream.of(pip, Path.of("/usr/local/bin/python3"), Path.of("/usr/bin/python3"))
              .filter(it -> isRunBy(uid, it))
              .findFirst()
              .orElseThrow(() -> gone("no python3 that uid " + uid + " can run"));
      Processes.run(FETCH, List.of(python.toString(), "-m", "venv", "--without-pip", made + ""));
      Path wheels = Turn.take(() -> fetch(pip, made, requirements));
      Processes.run(
          FETCH,
          pip(pip, made, requirements, "install", "--no-index", "--find-links", wheels.toString()));
      return Optional.of(made.resolve("bin"));
    } catch (IllegalStateException e) {
      System.err.println("Python for the example's agents: " + e.getMessage());
      return Optional.empty();
    }
  }

  private static boolean isRunBy(int uid, Path python) {
    try {
      var _ =
          Processes.run(
              Duration.ofSeconds(30),
              Processes.join(OtherUser.as(Optional.of(uid)), python.toString(), "-c", ""));
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** The wheels for the Python of the environment. */
  private static Path fetch(Path pip, Path made, Path requirements) {
    try {
      Path wheels = Programs.cache("example-agents-" + sha256(requirements)).resolve(version(made));
      Path whole = wheels.resolve(".whole");
      if (!Files.exists(whole)) {
        Processes.run(FETCH, pip(pip, made, requirements, "download", "-d", wheels.toString()));
        Files.writeString(whole, "");
      }
      return wheels;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As the images are built. */
  private static List<String> pip(Path pip, Path made, Path requirements, String... words) {
    List<String> all =
        Processes.join(
            List.of(pip.toString(), "-m", "pip", "--python", made.resolve("bin/python").toString()),
            words);
    return Processes.join(
        all,
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        requirements.toString());
  }

  private static String version(Path made) {
    return Processes.run(
            Duration.ofSeconds(30),
            List.of(
                made.resolve("bin/python").toString(),
                "-c",
                "import sys; print(sys.implementation.cache_tag)"))
        .strip();
  }

  private static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)))
          .substring(0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static IllegalStateException gone(String what) {
    return new IllegalStateException(what);
  }
}
