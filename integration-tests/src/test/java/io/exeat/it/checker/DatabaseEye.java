package io.exeat.it.checker;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Looks at Postgres as superuser, over a connection of its own. */
final class DatabaseEye implements AutoCloseable {
  private static final String ROLES =
      """
      SELECT oid::text, rolname, rolcanlogin,
             coalesce(rolvaliduntil > now(), true) AS valid,
             coalesce(isfinite(rolvaliduntil), false) AS finite,
             CASE WHEN isfinite(rolvaliduntil) THEN extract(epoch FROM rolvaliduntil - now()) ELSE 0 END
        FROM pg_roles WHERE rolname LIKE 'x-t%'
      """;
  private static final String SESSIONS =
      """
      SELECT a.usesysid::text, count(*) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
       WHERE a.usesysid IS NOT NULL AND a.backend_type = 'client backend'
         AND (r.oid IS NULL OR r.rolname LIKE 'x-t%') GROUP BY 1
      """;

  private final String url;
  private final Map<String, String> names;
  private Set<String> old = Set.of();
  private @Nullable Connection connection;
  private volatile String trouble = "";

  /**
   * A role that is there.
   *
   * @param left seconds until its login ends by itself
   */
  record Role(boolean able, boolean finite, double left) {}

  /**
   * One look.
   *
   * @param begun the look saw nothing of before
   * @param sessions how many each role has; of roles that are gone too, by the name that they had
   */
  record Sight(Instant begun, Map<String, Role> roles, Map<String, Integer> sessions) {
    /** Whether anybody can do anything with it. */
    boolean alive(String principal) {
      Role role = roles.get(principal);
      return (role != null && role.able()) || sessions.containsKey(principal);
    }
  }

  /**
   * @param names of roles by their oids, for when they are gone; shared by all eyes
   */
  DatabaseEye(String url, Map<String, String> names) {
    this.url = url;
    this.names = names;
  }

  /** What is there now is nobody's here: it is not seen any more. */
  synchronized void ignoreWhatIsThere() {
    old =
        look()
            .map(seen -> {
              Set<String> all = new HashSet<>(seen.roles().keySet());
              all.addAll(seen.sessions().keySet());
              return all;
            })
            .orElseThrow(() -> new IllegalStateException("the database does not answer"));
  }

  /** What is there; empty while the server does not answer. */
  synchronized Optional<Sight> look() {
    try {
      Connection there = connection;
      if (there == null) {
        there = DriverManager.getConnection(url);
        connection = there;
      }
      Sight seen = look(there);
      trouble = "";
      return Optional.of(seen);
    } catch (SQLException e) {
      close();
      trouble = "Postgres: " + e;
      return Optional.empty();
    }
  }

  /** Why the last look was in vain; empty where it was not. */
  String trouble() {
    return trouble;
  }

  private Sight look(Connection there) throws SQLException {
    Instant begun = Instant.now();
    Map<String, Role> roles = new HashMap<>();
    Map<String, Integer> sessions = new HashMap<>();
    try (Statement statement = there.createStatement()) {
      // Sessions first: the role of a session that is over in between is not missed.
      Map<String, Integer> byOid = new HashMap<>();
      try (ResultSet rows = statement.executeQuery(SESSIONS)) {
        while (rows.next()) {
          byOid.put(rows.getString(1), rows.getInt(2));
        }
      }
      try (ResultSet rows = statement.executeQuery(ROLES)) {
        while (rows.next()) {
          names.put(rows.getString(1), rows.getString(2));
          roles.put(
              rows.getString(2),
              new Role(
                  rows.getBoolean(3) && rows.getBoolean(4), rows.getBoolean(5), rows.getDouble(6)));
        }
      }
      byOid.forEach(
          (oid, count) -> sessions.put(names.getOrDefault(oid, "gone (oid " + oid + ")"), count));
    }
    roles.keySet().removeAll(old);
    sessions.keySet().removeAll(old);
    return new Sight(begun, roles, sessions);
  }

  @Override
  public synchronized void close() {
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
