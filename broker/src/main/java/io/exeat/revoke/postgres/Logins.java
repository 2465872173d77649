package io.exeat.revoke.postgres;

import io.exeat.base.SecretBytes;
import io.exeat.revoke.TargetVerifier.Sighting;
import io.exeat.task.Target;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.postgresql.util.PSQLException;

/** Logs in as agents would, with what they were lent. */
final class Logins {
  private final Target.Postgres target;
  private final Optional<Path> ca;
  private final Duration timeout;

  Logins(Target.Postgres target, Optional<Path> ca, Duration timeout) {
    this.target = target;
    this.ca = ca;
    this.timeout = timeout;
  }

  /**
   * Tries each in turn; whose password is gone, since it is proven dead meanwhile, is left out.
   *
   * @param lent passwords by role
   * @param seen before
   * @return what was seen, and who was let in or refused
   * @throws SQLException when the server neither lets one in nor refuses it
   */
  Sighting tried(Map<String, SecretBytes> lent, Sighting seen) throws SQLException {
    List<String> alive = new ArrayList<>(seen.alive());
    List<String> checks = new ArrayList<>(seen.checks());
    for (Map.Entry<String, SecretBytes> each : lent.entrySet()) {
      String role = each.getKey();
      Optional<String> password = password(each.getValue());
      if (password.isPresent()) {
        refusal(role, password.get())
            .ifPresentOrElse(
                state -> checks.add("login as " + role + ": refused (" + state + ")"),
                () -> alive.add("the login of " + role + " is let in"));
      }
    }
    return new Sighting(alive, checks);
  }

  /** The SQLSTATE with which the server refuses a login; empty when it is let in. */
  private Optional<String> refusal(String role, String password) throws SQLException {
    try (Connection _ = Link.connect(target, ca, timeout, role, password)) {
      return Optional.empty();
    } catch (PSQLException e) {
      String state = e.getServerErrorMessage() == null ? "" : String.valueOf(e.getSQLState());
      // Not let in by its word, or by what it has: PostgreSQL's classes 28 and 53.
      if (state.startsWith("28") || state.startsWith("53")) {
        return Optional.of(state);
      }
      throw e;
    }
  }

  private static Optional<String> password(SecretBytes secret) {
    try {
      String password = secret.read(bytes -> new String(bytes, StandardCharsets.UTF_8));
      return password.isEmpty() ? Optional.empty() : Optional.of(password);
    } catch (IllegalStateException e) {
      return Optional.empty();
    }
  }
}
