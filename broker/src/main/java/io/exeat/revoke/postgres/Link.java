package io.exeat.revoke.postgres;

import io.exeat.base.LeaseId;
import io.exeat.base.Time;
import io.exeat.credential.Lent;
import io.exeat.credential.OwnLogins;
import io.exeat.task.Target;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection of the verifier's, its guard, and the login that both stand on. Used by one thread
 * at a time.
 *
 * @param guard stays in a transaction that has read the catalogues of roles, and so holds the locks
 *     that ending a session takes: an agent can take every lock that the server has left. It holds
 *     no snapshot and writes nothing.
 * @param halfLife on the monotonic clock, when a new one is due
 */
record Link(
    Connection connection,
    Connection guard,
    PreparedStatement shut,
    PreparedStatement look,
    PreparedStatement makeWay,
    LeaseId lease,
    long halfLife) {
  private static final Logger LOG = LoggerFactory.getLogger(Link.class);

  /**
   * The database itself ends a call that takes longer; what it waits for inside is bounded by 1 s.
   */
  private static final Duration STATEMENT = Duration.ofMillis(2500);

  /** Has a login lent and connects with it, autocommit on. */
  static Link open(
      Target.Postgres target, Optional<Path> ca, OwnLogins logins, Duration timeout, Time time)
      throws SQLException {
    Lent lent = logins.verifier(target);
    try {
      Duration life = Duration.between(time.now(), lent.expiresAt());
      Connection connection = connect(target, ca, timeout, lent);
      try {
        Connection guard = guard(connect(target, ca, timeout, lent));
        try {
          return new Link(
              connection,
              guard,
              connection.prepareStatement("SELECT exeat.shut(?, ?)"),
              connection.prepareStatement(
                  "SELECT roles, able, sessions, orphans, ended FROM exeat.look(?, ?,"
                      + " ?::interval)"),
              guard.prepareStatement("SELECT exeat.make_way()"),
              lent.lease(),
              time.after(life.dividedBy(2)));
        } catch (SQLException e) {
          guard.close();
          throw e;
        }
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      logins.giveBack(lent.lease());
      throw e;
    } finally {
      lent.secret().close();
    }
  }

  /** Ends the borrowed sessions that hold what others wait for, also when there is no lock left. */
  void clearWay() throws SQLException {
    makeWay.execute();
    letSnapshotGo(guard);
  }

  /** Why there is no link or no answer over it, for people. */
  static String problem(Target.Postgres target, SQLException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SSLException) {
        return "the database %s is not believed: %s; look at its certificate and at targets.ca"
            .formatted(target.name(), cause.getMessage());
      }
    }
    return "the database " + target.name() + " does not answer the verifier";
  }

  void close() {
    for (Connection each : List.of(connection, guard)) {
      try {
        each.close();
      } catch (SQLException e) {
        LOG.debug("The verifier's connection did not close", e);
      }
    }
  }

  private static Connection guard(Connection connection) throws SQLException {
    try {
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.execute("SELECT count(*) FROM pg_roles");
        statement.execute("SELECT count(*) FROM pg_auth_members");
        statement.execute("SELECT exeat.make_way()");
      }
      letSnapshotGo(connection);
      return connection;
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  /**
   * What was read last keeps its snapshot until the next statement of the transaction, and VACUUM
   * then leaves everything in the database that died since. This one has none, and changes nothing.
   */
  private static void letSnapshotGo(Connection guard) throws SQLException {
    try (Statement statement = guard.createStatement()) {
      statement.execute("SET LOCAL idle_in_transaction_session_timeout = 0");
    }
  }

  /** Connects with a login that was lent; it stays the caller's to give back. */
  static Connection connect(Target.Postgres target, Optional<Path> ca, Duration timeout, Lent lent)
      throws SQLException {
    return connect(
        target,
        ca,
        timeout,
        lent.principal(),
        lent.secret().read(bytes -> new String(bytes, StandardCharsets.UTF_8)));
  }

  static Connection connect(
      Target.Postgres target, Optional<Path> ca, Duration timeout, String user, String password)
      throws SQLException {
    String seconds = Long.toString(Math.max(1, timeout.toSeconds()));
    Properties properties = new Properties();
    properties.setProperty("user", user);
    properties.setProperty("password", password);
    properties.setProperty("ApplicationName", "exeat-verifier");
    properties.setProperty("connectTimeout", seconds);
    properties.setProperty("loginTimeout", seconds);
    properties.setProperty("socketTimeout", seconds);
    properties.setProperty("prepareThreshold", "-1"); // server-side from the first call on
    properties.setProperty("autosave", "always"); // a failure does not end the guard's transaction
    properties.setProperty(
        "options",
        "-c statement_timeout=%d -c idle_in_transaction_session_timeout=0"
            .formatted(STATEMENT.toMillis()));
    properties.setProperty("gssEncMode", "disable");
    properties.setProperty("sslmode", target.tls() ? "verify-full" : "disable");
    if (target.tls()) {
      ca.ifPresentOrElse(
          file -> properties.setProperty("sslrootcert", file.toString()),
          () -> properties.setProperty("sslfactory", "org.postgresql.ssl.DefaultJavaSSLFactory"));
    }
    return DriverManager.getConnection(
        "jdbc:postgresql://%s:%d/%s".formatted(target.host(), target.port(), target.database()),
        properties);
  }
}
