package io.exeat.revoke.postgres;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.credential.OwnLogins;
import io.exeat.revoke.TargetVerifier;
import io.exeat.task.Target;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at one PostgreSQL database over one kept connection, as a role that Vault lends to the
 * broker and that may call {@code exeat.shut} and {@code exeat.look} alone. Calls wait for each
 * other.
 *
 * <p>What it can say: which roles of the epoch exist and which of them may log in, which sessions
 * they have, and which sessions there are of roles that are gone. It has no password to try a login
 * with. A login that PostgreSQL let in just before {@link #shut} was committed may show its session
 * a moment later; {@link #look} after Vault has ended the lease sees it as one of a role that is
 * gone.
 */
public final class PostgresVerifier implements TargetVerifier {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresVerifier.class);
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** How long the database itself goes on ending sessions in one call. */
  private static final String AT_MOST = "1 second";

  /** Two writers of one role: Vault's and ours. */
  private static final String CONCURRENTLY_UPDATED = "XX000";

  private final Target.Postgres target;
  private final Optional<Path> ca;
  private final OwnLogins logins;
  private final Duration timeout;
  private final Time time;
  private final ReentrantLock lock = new ReentrantLock(true);

  @GuardedBy("lock")
  private @Nullable Link link;

  private volatile Health health;

  /**
   * Connects at the first call.
   *
   * @param ca who vouches for the server, in PEM, when the target demands TLS; empty for the
   *     system's
   * @param timeout of one call, at least 1 s
   */
  public PostgresVerifier(
      Target.Postgres target, Optional<Path> ca, OwnLogins logins, Duration timeout, Time time) {
    this.target = target;
    this.ca = ca;
    this.logins = logins;
    this.timeout = timeout;
    this.time = time;
    this.health = Health.available(time.now());
  }

  @Override
  public void shut(Mark mark) {
    int closed =
        ask(connected -> {
          PreparedStatement shut = bind(connected.shut(), mark);
          try (ResultSet answer = shut.executeQuery()) {
            answer.next();
            return answer.getInt(1);
          }
        });
    LOG.debug("{} roles of {} shut at {}", closed, mark.epoch(), target.name());
  }

  @Override
  public Sighting look(Mark mark) {
    return ask(connected -> {
      PreparedStatement look = bind(connected.look(), mark);
      look.setString(3, AT_MOST);
      try (ResultSet answer = look.executeQuery()) {
        answer.next();
        return sighting(
            mark,
            names(answer.getArray("roles")),
            names(answer.getArray("able")),
            answer.getInt("sessions"),
            answer.getInt("orphans"),
            answer.getInt("ended"));
      }
    });
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (link != null) {
        drop(link);
      }
    } finally {
      lock.unlock();
    }
  }

  private Sighting sighting(
      Mark mark, List<String> roles, List<String> able, int sessions, int orphans, int ended) {
    List<String> alive = new ArrayList<>();
    able.forEach(role -> alive.add("role " + role + " can log in"));
    if (sessions > 0) {
      alive.add(sessions + " sessions of " + String.join(", ", roles));
    }
    if (orphans > 0) {
      alive.add(orphans + " sessions of roles that are gone");
    }
    String what = mark.principal().orElse("x-" + mark.epoch().label() + "-*");
    return new Sighting(
        alive,
        List.of(
            "pg_roles at "
                + target.name()
                + ": "
                + roles.size()
                + " roles "
                + what
                + ", "
                + able.size()
                + " may log in",
            "pg_stat_activity at "
                + target.name()
                + ": "
                + sessions
                + " sessions of them, "
                + orphans
                + " of roles that are gone, "
                + ended
                + " ended"));
  }

  private interface Question<T> {
    T ask(Link connected) throws SQLException;
  }

  /** Asks, and once more over a new connection when the kept one does not answer. */
  private <T> T ask(Question<T> question) {
    lock();
    try {
      T answer;
      try {
        answer = question.ask(connected());
      } catch (SQLException first) {
        LOG.debug("The verifier's connection to {} failed; connecting anew", target.name(), first);
        if (link != null && !CONCURRENTLY_UPDATED.equals(first.getSQLState())) {
          drop(link);
        }
        answer = question.ask(connected());
      }
      note(Optional.empty());
      return answer;
    } catch (SQLException e) {
      if (link != null) {
        drop(link);
      }
      String problem = "the database " + target.name() + " does not answer the verifier";
      note(Optional.of(problem));
      throw new FaultException(new Fault.Unavailable(Fault.Dependency.TARGET, problem, RETRY), e);
    } catch (FaultException e) {
      note(Optional.of("there is no login of the verifier for " + target.name()));
      throw e;
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private Link connected() throws SQLException {
    Link now = link;
    if (now != null && time.reached(now.halfLife())) {
      drop(now);
      now = null;
    }
    if (now == null) {
      now = Link.open(target, ca, logins, timeout, time);
      link = now;
    }
    return now;
  }

  @GuardedBy("lock")
  private void drop(Link old) {
    link = null;
    old.close();
    Thread.ofVirtual().name("verifier-give-back").start(() -> logins.giveBack(old.lease()));
  }

  private void lock() {
    try {
      if (lock.tryLock(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new FaultException(
        new Fault.Unavailable(
            Fault.Dependency.TARGET, "the verifier of " + target.name() + " is busy", RETRY));
  }

  private void note(Optional<String> problem) {
    if (health.available() != problem.isEmpty()) {
      health = new Health(problem, time.now());
    }
  }

  private static PreparedStatement bind(PreparedStatement statement, Mark mark)
      throws SQLException {
    statement.setString(1, mark.epoch().label());
    if (mark.principal().isPresent()) {
      statement.setString(2, mark.principal().get());
    } else {
      statement.setNull(2, Types.VARCHAR);
    }
    return statement;
  }

  private static List<String> names(Array array) throws SQLException {
    return List.of((String[]) array.getArray());
  }
}
