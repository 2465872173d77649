package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The statements that Vault runs to make, renew and end a borrowed role, and the grants that its
 * own role needs for that. {@code deploy/postgres/prepare.sql} is the other half.
 *
 * <p>Privileges are granted to the borrowed role itself, never through a group: a session that did
 * {@code SET ROLE} to a group goes on reading when its own role is gone. Vault replaces {@code
 * {{…}}} and splits at {@code ;} without looking at quotes, so identifiers are of a strict form as
 * well as quoted.
 */
public final class DatabaseSql {
  private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z_][A-Za-z0-9_$]{0,62}");
  private static final Set<String> RIGHTS = Set.of("SELECT", "INSERT", "UPDATE", "DELETE");
  private static final String NAME = "\"{{name}}\"";
  private static final int CONNECTIONS = 8;

  static final List<String> END = List.of("SELECT exeat.end_role('{{name}}')");
  static final List<String> RENEW =
      List.of(
          "SET LOCAL lock_timeout = '1s'",
          "SELECT exeat.make_way()",
          "ALTER ROLE " + NAME + " VALID UNTIL '{{expiration}}'");

  /** Two that grant on one table at once fail, and an agent could hold what is granted on. */
  private static final String TAKE_TURN = "SELECT exeat.take_turn()";

  private DatabaseSql() {}

  static List<String> create(Grant.Kind.Postgres kind, Target.Postgres target) {
    List<String> sql = new ArrayList<>(List.of(TAKE_TURN, createRole(CONNECTIONS)));
    sql.add("ALTER ROLE " + NAME + " SET statement_timeout = '30s'");
    sql.add("ALTER ROLE " + NAME + " SET idle_in_transaction_session_timeout = '30s'");
    sql.add("GRANT CONNECT ON DATABASE " + quoted(target.database()) + " TO " + NAME);
    sql.addAll(grants(kind.privileges(), NAME, ""));
    return sql;
  }

  /** The verifier may call three functions, which touch nothing but borrowed roles. */
  static List<String> createVerifier(Target.Postgres target) {
    return List.of(
        TAKE_TURN,
        createRole(2),
        "GRANT CONNECT ON DATABASE " + quoted(target.database()) + " TO " + NAME,
        "GRANT USAGE ON SCHEMA exeat TO " + NAME,
        "GRANT EXECUTE ON FUNCTION exeat.make_way(name[]) TO " + NAME,
        "GRANT EXECUTE ON FUNCTION exeat.shut(text, text) TO " + NAME,
        "GRANT EXECUTE ON FUNCTION exeat.look(text, text, interval) TO " + NAME);
  }

  /**
   * What the tables' owner runs, so that Vault's role {@code admin} can pass on exactly the
   * catalogue's privileges at {@code target}: one statement a line.
   *
   * @throws FaultException Malformed for a name that is not plain
   */
  public static List<String> adminGrants(Catalogue catalogue, String target, String admin) {
    Set<String> sql = new LinkedHashSet<>();
    for (Grant grant : new TreeMap<>(catalogue.grants()).values()) {
      if (grant.target().equals(target) && grant.kind() instanceof Grant.Kind.Postgres kind) {
        sql.addAll(grants(kind.privileges(), quoted(admin), " WITH GRANT OPTION"));
      }
    }
    return sql.stream().map(statement -> statement + ";").toList();
  }

  private static String createRole(int connections) {
    return "CREATE ROLE "
        + NAME
        + " LOGIN NOINHERIT PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' CONNECTION LIMIT "
        + connections;
  }

  private static List<String> grants(List<Grant.Privilege> privileges, String to, String option) {
    Set<String> sql = new LinkedHashSet<>();
    for (Grant.Privilege privilege : privileges) {
      sql.add("GRANT USAGE ON SCHEMA " + quoted(privilege.schema()) + " TO " + to + option);
    }
    for (Grant.Privilege privilege : privileges) {
      sql.add(
          "GRANT "
              + String.join(", ", rights(privilege))
              + " ON TABLE "
              + quoted(privilege.schema())
              + "."
              + quoted(privilege.table())
              + " TO "
              + to
              + option);
    }
    return List.copyOf(sql);
  }

  private static Set<String> rights(Grant.Privilege privilege) {
    if (privilege.rights().isEmpty() || !RIGHTS.containsAll(privilege.rights())) {
      throw malformed("privileges.rights", "not of " + new TreeSet<>(RIGHTS));
    }
    return new TreeSet<>(privilege.rights());
  }

  private static String quoted(String identifier) {
    if (!IDENTIFIER.matcher(identifier).matches()) {
      throw malformed(
          "catalogue",
          "a name in the database is not 1 to 63 of [A-Za-z0-9_$], beginning with a letter or _");
    }
    return '"' + identifier + '"';
  }

  private static FaultException malformed(String field, String problem) {
    return new FaultException(new Fault.Malformed(field, problem));
  }
}
