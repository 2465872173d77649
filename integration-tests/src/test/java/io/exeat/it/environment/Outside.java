package io.exeat.it.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.v1.DatabaseLogin;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What Postgres and OpenBao themselves say, past the broker, asked as superuser and operator. */
public final class Outside implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(10);

  private final Stage stage;
  private final Postgres postgres;
  private final String database;
  private @Nullable Connection connection;

  public Outside(Stage stage) {
    this(stage, stage.postgres(), Stage.DATABASE);
  }

  /** The same of another server, where a database of its own is lent. */
  public Outside(Stage stage, Postgres postgres, String database) {
    this.stage = stage;
    this.postgres = postgres;
    this.database = database;
  }

  /** Roles that are lent now, to anybody. */
  public List<String> roles() {
    return query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'x-t%' ORDER BY 1");
  }

  /** Roles that a task has now. */
  public List<String> roles(String task) {
    return query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'x-" + task + "-%' ORDER BY 1");
  }

  /** Sessions of lent roles, and of roles that are gone. */
  public List<String> sessions() {
    return query(
        """
        SELECT coalesce(r.rolname, 'gone') FROM pg_stat_activity a
        LEFT JOIN pg_roles r ON r.oid = a.usesysid
        WHERE a.backend_type = 'client backend' AND (r.oid IS NULL OR r.rolname LIKE 'x-t%')
        """);
  }

  /** Vault's leases for a grant. */
  public List<String> leases(String grant) {
    List<String> leases = new ArrayList<>();
    String path = (grant.equals(Stage.TLS) ? "pki/sign/" : "database/creds/") + grant;
    stage
        .vault()
        .call("LIST", "sys/leases/lookup/" + path + "/", Map.of())
        .data()
        .path("keys")
        .forEach(key -> leases.add(key.asText()));
    return leases;
  }

  /** How many tokens there are in Vault, of whomever. */
  public int tokens() {
    return stage.vault().call("LIST", "auth/token/accessors", Map.of()).data().path("keys").size();
  }

  /** Display names of Vault's tokens that were made for a task. */
  public List<String> tokens(String task) {
    List<String> names = new ArrayList<>();
    stage
        .vault()
        .call("LIST", "auth/token/accessors", Map.of())
        .data()
        .path("keys")
        .forEach(accessor -> {
          String name =
              stage
                  .vault()
                  .call("POST", "auth/token/lookup-accessor", Map.of("accessor", accessor))
                  .data()
                  .path("display_name")
                  .asText();
          if (name.contains(task)) {
            names.add(name);
          }
        });
    return names;
  }

  /** A session as the one who holds the login. */
  public Connection session(DatabaseLogin login) throws SQLException {
    return postgres.connect(login.getDatabase(), login.getUsername(), login.getPassword());
  }

  /** The SQLSTATE with which a login is refused, or nothing when it is let in. */
  public String login(DatabaseLogin login) {
    try (Connection _ = session(login)) {
      return "";
    } catch (SQLException e) {
      return String.valueOf(e.getSQLState());
    }
  }

  /** Whether the session still answers. */
  public static boolean answers(Connection session) {
    try (Statement statement = session.createStatement()) {
      return statement.execute("SELECT 1");
    } catch (SQLException e) {
      return false;
    }
  }

  /** Nothing of the task is left, anywhere. */
  public void requireDead(String task) {
    assertThat(roles(task)).as("roles of " + task).isEmpty();
    assertThat(sessions()).as("sessions").noneMatch(it -> it.contains(task) || it.equals("gone"));
    assertThat(tokens(task)).as("tokens of " + task).isEmpty();
  }

  /** Nothing at all is lent. */
  public void requireNothingLent() {
    assertThat(roles()).as("roles").isEmpty();
    assertThat(sessions()).as("sessions").isEmpty();
    assertThat(leases(Stage.READ)).as("leases").isEmpty();
    assertThat(leases(Stage.WRITE)).as("leases").isEmpty();
    assertThat(leases(Stage.TLS)).as("leases").isEmpty();
  }

  /** How long from {@code since} (nanoTime) until the target has neither role nor session of it. */
  public Duration awaitDead(String task, long since, Duration atMost) {
    await()
        .pollInSameThread()
        .pollDelay(Duration.ZERO)
        .pollInterval(POLL)
        .atMost(atMost)
        .until(() ->
            roles(task).isEmpty()
                && sessions().stream().noneMatch(it -> it.contains(task) || it.equals("gone")));
    return Duration.ofNanos(System.nanoTime() - since);
  }

  /** Waits until {@link #requireNothingLent} holds. */
  public void awaitNothingLent(Duration atMost) {
    await()
        .pollInSameThread()
        .pollInterval(Duration.ofMillis(50))
        .atMost(atMost)
        .untilAsserted(this::requireNothingLent);
  }

  /** The first column of all rows, as superuser. */
  public List<String> query(String sql) {
    try {
      return queryOnce(sql);
    } catch (SQLException e) {
      close();
      try {
        return queryOnce(sql);
      } catch (SQLException again) {
        throw new IllegalStateException(again);
      }
    }
  }

  private List<String> queryOnce(String sql) throws SQLException {
    Connection there = connection;
    if (there == null) {
      there = postgres.superuser(database);
      connection = there;
    }
    try (Statement statement = there.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (rows.next()) {
        values.add(rows.getString(1));
      }
      return values;
    }
  }

  @Override
  public void close() {
    Connection old = connection;
    connection = null;
    if (old != null) {
      try {
        old.close();
      } catch (SQLException e) {
        // It is of no use any more, closed or not.
      }
    }
  }
}
