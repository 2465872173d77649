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
import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of the verifier's and the login that it stands on.
 *
 * @param halfLife on the monotonic clock, when a new one is due
 */
record Link(
    Connection connection,
    PreparedStatement shut,
    PreparedStatement look,
    LeaseId lease,
    long halfLife) {
  private static final Logger LOG = LoggerFactory.getLogger(Link.class);

  /** Has a login lent and connects with it, autocommit on. */
  static Link open(
      Target.Postgres target, Optional<Path> ca, OwnLogins logins, Duration timeout, Time time)
      throws SQLException {
    Lent lent = logins.verifier(target.name());
    try {
      Duration life = Duration.between(time.now(), lent.expiresAt());
      Connection connection = connect(target, ca, timeout, lent);
      try {
        return new Link(
            connection,
            connection.prepareStatement("SELECT exeat.shut(?, ?)"),
            connection.prepareStatement(
                "SELECT roles, able, sessions, orphans, ended FROM exeat.look(?, ?, ?::interval)"),
            lent.lease(),
            time.after(life.dividedBy(2)));
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

  void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      LOG.debug("The verifier's connection did not close", e);
    }
  }

  private static Connection connect(
      Target.Postgres target, Optional<Path> ca, Duration timeout, Lent lent) throws SQLException {
    String seconds = Long.toString(Math.max(1, timeout.toSeconds()));
    Properties properties = new Properties();
    properties.setProperty("user", lent.principal());
    properties.setProperty(
        "password", lent.secret().read(bytes -> new String(bytes, StandardCharsets.UTF_8)));
    properties.setProperty("ApplicationName", "exeat-verifier");
    properties.setProperty("connectTimeout", seconds);
    properties.setProperty("loginTimeout", seconds);
    properties.setProperty("socketTimeout", seconds);
    properties.setProperty("prepareThreshold", "-1"); // server-side from the first call on
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
