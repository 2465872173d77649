package io.exeat.revoke.postgres;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.Lent;
import io.exeat.credential.OwnLogins;
import io.exeat.task.Target;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;

/** A database's clock: {@code VALID UNTIL} of what is lent goes by it. */
public final class DatabaseClock {
  private DatabaseClock() {}

  /**
   * How far the database's clock is ahead of {@code time}; negative when it is behind. Exact to
   * half of the time that the answer took. Borrows a login of the verifier's and gives it back.
   *
   * @throws FaultException Unavailable VAULT or TARGET
   */
  public static Duration ahead(
      Target.Postgres target, Optional<Path> ca, OwnLogins logins, Duration timeout, Time time) {
    Lent lent = logins.verifier(target);
    try (Connection connection = Link.connect(target, ca, timeout, lent)) {
      return ahead(connection, time);
    } catch (SQLException e) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.TARGET,
              "the database " + target.name() + " does not tell its time",
              Duration.ofSeconds(1)),
          e);
    } finally {
      lent.secret().close();
      logins.giveBack(lent.lease());
    }
  }

  /** The same over a connection that is there. */
  static Duration ahead(Connection connection, Time time) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      Instant before = time.now();
      try (ResultSet row = statement.executeQuery("SELECT clock_timestamp()")) {
        row.next();
        Instant there = row.getObject(1, OffsetDateTime.class).toInstant();
        Duration took = Duration.between(before, time.now());
        return Duration.between(before.plus(took.dividedBy(2)), there);
      }
    }
  }
}
