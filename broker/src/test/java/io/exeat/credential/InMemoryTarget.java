package io.exeat.credential;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A database of roles and sessions, shared by {@link InMemoryBackend} and the in-memory verifier.
 * Like PostgreSQL, dropping a role ends no session.
 */
public final class InMemoryTarget {
  /** What is left of a role after {@link #drop}: its sessions. */
  private record Role(String password, boolean exists, boolean login, int sessions) {}

  private final Map<String, Role> roles = new LinkedHashMap<>();
  private boolean down;
  private boolean stubborn;
  private Duration ahead = Duration.ZERO;

  /** From now on it refuses every connection; sessions end, roles stay. */
  public synchronized void stop() {
    down = true;
    roles.replaceAll((name, role) -> new Role(role.password, role.exists, role.login, 0));
  }

  /** It answers again. */
  public synchronized void start() {
    down = false;
  }

  /** Its clock is set to something else than ours. */
  public synchronized void clockAhead(Duration by) {
    ahead = by;
  }

  public synchronized Duration clockAhead() {
    ask();
    return ahead;
  }

  /** While set, a role with open sessions cannot be dropped and its sessions cannot be ended. */
  public synchronized void stubborn(boolean on) {
    stubborn = on;
  }

  /** Whether there is such a role. */
  public synchronized boolean has(String principal) {
    Role role = roles.get(principal);
    return role != null && role.exists;
  }

  /**
   * Whether one who has the password is let in; no session stays.
   *
   * @throws FaultException Unavailable TARGET
   */
  public synchronized boolean letsIn(String principal, String password) {
    ask();
    Role role = roles.get(principal);
    return role != null && role.exists && role.login && role.password.equals(password);
  }

  /** Opens a session as an agent would. Whether it was let in. */
  public synchronized boolean login(String principal, String password) {
    Role role = roles.get(principal);
    if (down || role == null || !role.exists || !role.login || !role.password.equals(password)) {
      return false;
    }
    roles.put(principal, new Role(role.password, true, true, role.sessions + 1));
    return true;
  }

  /** Names of the roles that exist. */
  public synchronized List<String> principals() {
    return roles.entrySet().stream()
        .filter(e -> e.getValue().exists)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Whether anybody is in or could get in as this role: what a dead one must not let be. */
  public synchronized boolean admits(String principal) {
    Role role = roles.get(principal);
    return role != null && (role.sessions > 0 || (role.exists && role.login));
  }

  /** Open sessions of a role, existing or dropped. */
  public synchronized int sessions(String principal) {
    Role role = roles.get(principal);
    return role == null ? 0 : role.sessions;
  }

  /** A role that no lease knows of, as a crash of Vault leaves one. */
  public synchronized void create(String principal, String password) {
    ask();
    roles.put(principal, new Role(password, true, true, 0));
  }

  /** As Vault drops it: its sessions stay. */
  public synchronized void drop(String principal) {
    ask();
    Role role = roles.get(principal);
    if (role != null && stubborn && role.sessions > 0) {
      throw new FaultException(away("role " + principal + " could not be dropped"));
    }
    roles.computeIfPresent(principal, (name, r) -> new Role(r.password, false, false, r.sessions));
  }

  /** Commits NOLOGIN for the roles of the mark. */
  public synchronized void forbidLogin(Epoch epoch, Optional<String> principal) {
    ask();
    roles.replaceAll((name, r) ->
        of(epoch, principal).test(name) ? new Role(r.password, r.exists, false, r.sessions) : r);
  }

  /** Ends the sessions of the mark and says what is still alive. */
  public synchronized List<String> reap(Epoch epoch, Optional<String> principal) {
    ask();
    List<String> alive = new ArrayList<>();
    roles.replaceAll((name, r) ->
        of(epoch, principal).test(name) && !stubborn
            ? new Role(r.password, r.exists, r.login, 0)
            : r);
    roles.forEach((name, r) -> {
      if (of(epoch, principal).test(name)) {
        if (r.exists && r.login) {
          alive.add("role " + name + " can log in");
        }
        if (r.sessions > 0) {
          alive.add("role " + name + " has " + r.sessions + " sessions");
        }
      }
    });
    return alive;
  }

  private static Predicate<String> of(Epoch epoch, Optional<String> principal) {
    return principal
        .<Predicate<String>>map(name -> name::equals)
        .orElse(name -> name.startsWith(prefix(epoch)));
  }

  static String prefix(Epoch epoch) {
    return "x-" + epoch.label() + "-";
  }

  synchronized void ask() {
    if (down) {
      throw new FaultException(away("connection refused"));
    }
  }

  static Fault.Unavailable away(String problem) {
    return new Fault.Unavailable(Fault.Dependency.TARGET, problem, Duration.ofSeconds(1));
  }
}
