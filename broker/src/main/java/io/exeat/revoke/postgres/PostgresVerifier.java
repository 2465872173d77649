package io.exeat.revoke.postgres;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.SecretBytes;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at one PostgreSQL database over kept connections, as a role that Vault lends to the broker
 * and that may call {@code exeat.shut}, {@code exeat.look} and {@code exeat.make_way} alone. Three
 * calls run at once; the next wait, for the time limit at most.
 *
 * <p>What it can say: which roles of the epoch exist and which of them may log in, which sessions
 * they have, which sessions there are of roles that are gone, and of a role that is there and shut
 * whether the server lets in who has its password, as long as the broker knows it: not after a
 * restart. A login that PostgreSQL let in just before {@link #shut} was committed may show its
 * session a moment later; {@link #look} after Vault has ended the lease sees it as one of a role
 * that is gone.
 */
public final class PostgresVerifier implements TargetVerifier {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresVerifier.class);
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** How long the database itself goes on ending sessions in one call. */
  private static final String AT_MOST = "1 second";

  /**
   * How many calls at once: what an agent does to hold one up does not hold the other tasks' up.
   */
  private static final int AT_ONCE = 3;

  /** "out of shared memory": the server has no lock left. */
  private static final String NO_LOCK_LEFT = "53200";

  /**
   * Errors after which a connection is as good as before: also time limits, and a row changed by
   * two.
   */
  private static final Set<String> KEEPS = Set.of(NO_LOCK_LEFT, "55P03", "57014", "XX000");

  private static final int MOST_TRIES = 20;
  private static final long A_MOMENT = 10_000_000;

  private final Target.Postgres target;
  private final Optional<Path> ca;
  private final OwnLogins logins;
  private final Duration timeout;
  private final Time time;
  private final Logins logIn;
  private final Semaphore entries = new Semaphore(AT_ONCE, true);
  private final Queue<Link> idle = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;
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
    this.logIn = new Logins(target, ca, timeout);
    this.health = Health.available(time.now());
  }

  @Override
  public void shut(Mark mark) {
    int roles =
        ask(connected -> {
          PreparedStatement shut = bind(connected.shut(), mark);
          try (ResultSet answer = shut.executeQuery()) {
            answer.next();
            return answer.getInt(1);
          }
        });
    if (roles < 0) {
      throw unavailable(-roles + " roles at " + target.name() + " are held and not shut yet", null);
    }
    LOG.debug("{} roles of {} shut at {}", roles, mark.epoch(), target.name());
  }

  @Override
  public Sighting look(Mark mark) {
    return look(mark, Map.of());
  }

  /** A role that is gone is no login's: only those that are there are tried. */
  @Override
  public Sighting look(Mark mark, Map<String, SecretBytes> lent) {
    Seen seen =
        ask(connected -> {
          PreparedStatement look = bind(connected.look(), mark);
          look.setString(3, AT_MOST);
          try (ResultSet answer = look.executeQuery()) {
            answer.next();
            return new Seen(
                names(answer.getArray("roles")),
                names(answer.getArray("able")),
                answer.getInt("sessions"),
                answer.getInt("orphans"),
                answer.getInt("ended"));
          }
        });
    Map<String, SecretBytes> there = new TreeMap<>(lent);
    there.keySet().retainAll(seen.roles());
    try {
      return logIn.tried(there, seen.sighting(target.name(), mark));
    } catch (SQLException e) {
      throw unavailable(Link.problem(target, e), e);
    }
  }

  @Override
  public Duration clockAhead() {
    return ask(connected -> DatabaseClock.ahead(connected.connection(), time));
  }

  @Override
  public int atOnce() {
    return AT_ONCE;
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public void close() {
    closed = true;
    dropIdle();
  }

  private void dropIdle() {
    for (Link link = idle.poll(); link != null; link = idle.poll()) {
      drop(link);
    }
  }

  private interface Question<T> {
    T ask(Link connected) throws SQLException;
  }

  /** Asks, and once more over another connection when the first does not answer. */
  private <T> T ask(Question<T> question) {
    enter();
    try {
      T answer;
      try {
        answer = once(question);
      } catch (SQLException first) {
        LOG.debug("The verifier's connection to {} failed; asking again", target.name(), first);
        if (!KEEPS.contains(first.getSQLState())) {
          dropIdle(); // what broke one, such as a restart of the server, broke them all
        }
        answer = once(question);
      }
      note(Optional.empty());
      return answer;
    } catch (SQLException e) {
      String problem = Link.problem(target, e);
      note(Optional.of(problem));
      throw unavailable(problem, e);
    } catch (FaultException e) {
      note(Optional.of("there is no login of the verifier for " + target.name()));
      throw e;
    } finally {
      entries.release();
    }
  }

  private <T> T once(Question<T> question) throws SQLException {
    Link link = connected();
    boolean usable = false;
    try {
      T answer = patiently(link, question);
      usable = true;
      return answer;
    } catch (SQLException e) {
      usable = KEEPS.contains(e.getSQLState());
      throw e;
    } finally {
      if (usable && !closed) {
        idle.add(link);
      } else {
        drop(link);
      }
    }
  }

  /**
   * With no lock left at the server no other connection can be made: the guard of this one helps.
   */
  private static <T> T patiently(Link link, Question<T> question) throws SQLException {
    for (int tries = 1; ; tries++) {
      try {
        return question.ask(link);
      } catch (SQLException e) {
        if (!NO_LOCK_LEFT.equals(e.getSQLState()) || tries == MOST_TRIES) {
          throw e;
        }
      }
      link.clearWay();
      LockSupport.parkNanos(A_MOMENT);
    }
  }

  /** The one that was used longest ago, so that each of them comes to its half-life here. */
  private Link connected() throws SQLException {
    for (Link link = idle.poll(); link != null; link = idle.poll()) {
      if (!time.reached(link.halfLife())) {
        return link;
      }
      drop(link);
    }
    return Link.open(target, ca, logins, timeout, time);
  }

  private void drop(Link old) {
    old.close();
    Thread.ofVirtual().name("verifier-give-back").start(() -> logins.giveBack(old.lease()));
  }

  private void enter() {
    try {
      if (entries.tryAcquire(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw unavailable("the verifier of " + target.name() + " is busy", null);
  }

  private static FaultException unavailable(String problem, @Nullable Throwable cause) {
    Fault fault = new Fault.Unavailable(Fault.Dependency.TARGET, problem, RETRY);
    return cause == null ? new FaultException(fault) : new FaultException(fault, cause);
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
