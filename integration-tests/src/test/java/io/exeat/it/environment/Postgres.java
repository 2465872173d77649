package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server of ours in a temporary folder, on the loopback address, with passwords
 * (SCRAM) and fsync. It does not run as root: a root starts it as {@code postgres} or {@code
 * nobody}.
 */
public final class Postgres implements AutoCloseable {
  private static final String SUPERUSER = "postgres";
  private static final String PASSWORD = "superuser-of-the-test";

  private final Path bin;
  private final Path folder;
  private final int port;
  private final List<String> asUser;
  private @Nullable Process process;

  private Postgres(Path bin, Path folder, List<String> asUser) {
    this.bin = bin;
    this.folder = folder;
    this.port = Processes.freePort();
    this.asUser = asUser;
  }

  /** A new, empty server. */
  public static Postgres start(Path bin) {
    return start(bin, Optional.empty(), false);
  }

  /** A new, empty server that lets everybody but the superuser in over TLS alone. */
  public static Postgres start(Path bin, TestCertificate certificate) {
    return start(bin, Optional.of(certificate), true);
  }

  /** A new, empty server that has TLS for who asks for it. */
  public static Postgres offeringTls(Path bin, TestCertificate certificate) {
    return start(bin, Optional.of(certificate), false);
  }

  private static Postgres start(Path bin, Optional<TestCertificate> certificate, boolean demanded) {
    try {
      Path folder = Files.createTempDirectory("exeat-pg");
      Optional<String> user = otherUser();
      Path password = folder.resolve("password");
      Files.writeString(password, PASSWORD);
      if (user.isPresent()) {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-x--x"));
        own(folder, user.get());
        own(password, user.get());
      }
      Postgres postgres =
          new Postgres(
              bin,
              folder,
              user.map(name ->
                      List.of(
                          "setpriv", "--reuid=" + name, "--regid=" + group(name), "--clear-groups"))
                  .orElse(List.of()));
      Processes.run(
          Duration.ofMinutes(1),
          Processes.join(
              postgres.asUser,
              bin.resolve("initdb").toString(),
              "-D",
              postgres.data(),
              "-U",
              SUPERUSER,
              "-A",
              "scram-sha-256",
              "--pwfile=" + password,
              "--no-sync",
              "-E",
              "UTF8",
              "--locale=C"));
      if (certificate.isPresent()) {
        postgres.offerTls(certificate.get(), user);
      }
      if (demanded) {
        postgres.demandTls();
      }
      postgres.start();
      return postgres;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void offerTls(TestCertificate certificate, Optional<String> user) throws IOException {
    Path key = folder.resolve("tls.key");
    Path chain = folder.resolve("tls.crt");
    Files.copy(certificate.key(), key);
    Files.copy(certificate.certificate(), chain);
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
    if (user.isPresent()) {
      own(key, user.get());
      own(chain, user.get());
    }
    Files.writeString(
        Path.of(data(), "postgresql.auto.conf"),
        "ssl = on\nssl_cert_file = '%s'\nssl_key_file = '%s'\n".formatted(chain, key));
  }

  private void demandTls() throws IOException {
    Files.writeString(
        Path.of(data(), "pg_hba.conf"),
        """
        host    all %s  127.0.0.1/32 scram-sha-256
        hostssl all all 127.0.0.1/32 scram-sha-256
        """
            .formatted(SUPERUSER));
  }

  /** Starts again after {@link #stop} or {@link #kill}; returns when it answers. */
  public void start() {
    start(List.of());
  }

  /** The same, by another clock than the system's. */
  public void start(FalseClock clock) {
    start(clock.command());
  }

  private void start(List<String> by) {
    Process started =
        Processes.start(
            Processes.join(
                Processes.join(asUser, by.toArray(String[]::new)),
                bin.resolve("postgres").toString(),
                "-D",
                data(),
                "-p",
                Integer.toString(port),
                "-h",
                "127.0.0.1",
                "-k",
                folder.toString(),
                "-c",
                "max_connections=200"),
            folder.resolve("log"));
    process = started;
    Processes.await(
        "PostgreSQL's first answer",
        Duration.ofSeconds(30),
        () -> {
          if (!started.isAlive()) {
            throw new IllegalStateException("PostgreSQL ended: see " + folder.resolve("log"));
          }
          try (Connection _ = superuser("postgres")) {
            return true;
          } catch (SQLException e) {
            return false;
          }
        });
  }

  /** Ends every session and the server, with a checkpoint. */
  public void stop() {
    if (process != null) {
      Processes.end(process, "INT");
    }
  }

  /** Ends the server at once; its children follow. */
  public void kill() {
    if (process != null) {
      Processes.end(process, "QUIT");
    }
  }

  public int port() {
    return port;
  }

  /** The server's version, such as 15. */
  public int version() {
    return Integer.parseInt(one("postgres", "SHOW server_version_num")) / 10000;
  }

  /** A JDBC address with the superuser's name and password in it. */
  public String superuserUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:%d/%s?sslmode=disable&connectTimeout=2&socketTimeout=5&user=%s&password=%s"
        .formatted(port, database, SUPERUSER, PASSWORD);
  }

  /** As superuser, to look or to prepare. */
  public Connection superuser(String database) throws SQLException {
    return connect(database, SUPERUSER, PASSWORD);
  }

  /** As anybody; the driver's own error when it is refused. */
  public Connection connect(String database, String user, String password) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:"
            + port
            + "/"
            + database
            + "?sslmode=disable&connectTimeout=5",
        user,
        password);
  }

  /** Runs statements as superuser. */
  public void execute(String database, String sql) {
    try (Connection connection = superuser(database);
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The first column of all rows. */
  public List<String> query(String database, String sql) {
    try (Connection connection = superuser(database);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (rows.next()) {
        values.add(rows.getString(1));
      }
      return values;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The only value. */
  public String one(String database, String sql) {
    return query(database, sql).getFirst();
  }

  /** Stops it and removes its folder. */
  @Override
  public void close() {
    stop();
    Processes.delete(folder);
  }

  private String data() {
    return folder.resolve("data").toString();
  }

  private static Optional<String> otherUser() {
    if (!"root".equals(System.getProperty("user.name"))) {
      return Optional.empty();
    }
    return Stream.of("postgres", "nobody").filter(Postgres::exists).findFirst();
  }

  private static boolean exists(String user) {
    try {
      return !Processes.run(Duration.ofSeconds(5), List.of("id", "-u", user)).isBlank();
    } catch (IllegalStateException e) {
      return false;
    }
  }

  private static String group(String user) {
    return Processes.run(Duration.ofSeconds(5), List.of("id", "-g", user)).strip();
  }

  private static void own(Path path, String user) throws IOException {
    Files.setOwner(
        path, path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(user));
  }
}
