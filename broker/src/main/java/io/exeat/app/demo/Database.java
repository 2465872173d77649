package io.exeat.app.demo;

import io.exeat.app.Setup;
import io.exeat.app.stage.Postgres;
import io.exeat.app.stage.StageException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** The demo's look into Postgres as its superuser: nothing of Exeat is asked. */
final class Database implements AutoCloseable {
  private final Connection admin;
  private final String adminPassword;

  private Database(Connection admin, String adminPassword) {
    this.admin = admin;
    this.adminPassword = adminPassword;
  }

  static Database prepare(Postgres postgres, Path catalogue) {
    String password = Secrets.fresh();
    try {
      try (Connection first = connect(postgres, "postgres");
          Statement statement = first.createStatement()) {
        statement.execute("CREATE DATABASE orders");
      }
      Connection admin = connect(postgres, "orders");
      try (Statement statement = admin.createStatement()) {
        statement.execute(
            "CREATE TABLE orders (id int PRIMARY KEY, customer text, state text);"
                + "INSERT INTO orders VALUES (4711, 'Ada', 'late'), (4712, 'Grace', 'sent'),"
                + " (4713, 'Edsger', 'sent')");
        statement.execute("SET exeat.admin = 'vaultadmin'");
        statement.execute("SET exeat.revoke_public_connect = on"); // this server is all ours
        statement.execute(Setup.prepareSql());
        statement.execute("ALTER ROLE vaultadmin PASSWORD '" + password + "'");
        for (String sql : Setup.adminGrants(catalogue, "orders-db")) {
          statement.execute(sql);
        }
      }
      return new Database(admin, password);
    } catch (SQLException e) {
      throw new StageException("the database cannot be prepared: " + e.getMessage(), e);
    }
  }

  private static Connection connect(Postgres postgres, String database) throws SQLException {
    return DriverManager.getConnection(
        postgres.jdbc(database), Postgres.ADMIN, postgres.password());
  }

  /** Of vaultadmin. */
  String adminPassword() {
    return adminPassword;
  }

  /** How many roles Exeat has lent that are there now. */
  int lentRoles() {
    return number("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'x-t%'");
  }

  /** How many sessions such roles have, or roles that are gone. */
  int lentSessions() {
    return number(
        "SELECT count(*) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"
            + " WHERE a.usesysid IS NOT NULL AND (r.oid IS NULL OR r.rolname LIKE 'x-t%')");
  }

  boolean hasRole(String name) {
    return number("SELECT count(*) FROM pg_roles WHERE rolname = '" + name.replace("'", "''") + "'")
        > 0;
  }

  String stateOf(int order) {
    return text("SELECT state FROM orders WHERE id = " + order);
  }

  private int number(String sql) {
    return Integer.parseInt(text(sql));
  }

  private String text(String sql) {
    try (Statement statement = admin.createStatement();
        ResultSet found = statement.executeQuery(sql)) {
      return found.next() ? String.valueOf(found.getString(1)) : "";
    } catch (SQLException e) {
      throw new StageException("the database cannot be asked: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      admin.close();
    } catch (SQLException e) {
      throw new StageException("the database cannot be left: " + e.getMessage(), e);
    }
  }
}
