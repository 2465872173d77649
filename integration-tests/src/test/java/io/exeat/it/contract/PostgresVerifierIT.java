package io.exeat.it.contract;

import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.TargetVerifierContract;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;

/** The contract on a real PostgreSQL, with the login that a real OpenBao lends to the verifier. */
final class PostgresVerifierIT extends TargetVerifierContract {
  private final Exchange exchange = Exchange.begin();
  private final Real real = exchange.real;
  private final Map<String, List<String>> pids = new HashMap<>();
  private final List<Connection> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws SQLException {
    for (Connection connection : open) {
      connection.close();
    }
    exchange.close();
    for (String role :
        real.postgres.query(
            Real.DATABASE, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'x-%'")) {
      drop(role);
    }
  }

  @Override
  protected TargetVerifier verifier() {
    return exchange.verifier;
  }

  @Override
  protected void create(String principal, String password) {
    asAdmin("CREATE ROLE \"" + principal + "\" LOGIN PASSWORD '" + password + "'");
  }

  @Override
  protected void drop(String principal) {
    asAdmin("DROP ROLE \"" + principal + "\"");
  }

  @Override
  protected boolean login(String principal, String password) {
    try {
      Connection connection = real.postgres.connect(Real.DATABASE, principal, password);
      open.add(connection);
      try (Statement statement = connection.createStatement();
          ResultSet pid = statement.executeQuery("SELECT pg_backend_pid()")) {
        pid.next();
        pids.computeIfAbsent(principal, name -> new ArrayList<>()).add(pid.getString(1));
      }
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  @Override
  protected int sessions(String principal) {
    String list = String.join(",", pids.getOrDefault(principal, List.of("0")));
    return Integer.parseInt(
        real.postgres.one(
            Real.DATABASE, "SELECT count(*) FROM pg_stat_activity WHERE pid IN (" + list + ")"));
  }

  @Override
  protected void stopTarget() {
    real.postgres.stop();
  }

  @Override
  protected void startTarget() {
    real.postgres.start();
  }

  private void asAdmin(String sql) {
    try (Connection connection = real.admin();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
