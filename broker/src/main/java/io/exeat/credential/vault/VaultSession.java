package io.exeat.credential.vault;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The broker's sessions with Vault as they stand: one that new epochs belong to, and older ones
 * until their last epoch is over. {@link Heartbeat} keeps them so.
 */
final class VaultSession {
  private static final Logger LOG = LoggerFactory.getLogger(VaultSession.class);

  private final Time time;
  private final Duration patience;
  private final Hearers lost = new Hearers();
  private final Hearers expiring = new Hearers();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  @GuardedBy("lock")
  private @Nullable Session current;

  /** Oldest first; the current one among them. */
  @GuardedBy("lock")
  private final List<Session> alive = new ArrayList<>();

  /** Lost or idle: to be ended for certain, then forgotten. */
  @GuardedBy("lock")
  private final List<Accessor> leftovers = new ArrayList<>();

  /** Empty until the first login has gone well or wrong. */
  @GuardedBy("lock")
  private Optional<Health> health = Optional.empty();

  @GuardedBy("lock")
  private boolean woken;

  /**
   * @param patience how long {@link #current} waits for a login that is under way
   */
  VaultSession(Time time, Duration patience) {
    this.time = time;
    this.patience = patience;
  }

  /**
   * The session for new epochs and for ending old ones. Waits while a login is under way, not while
   * Vault is known to be away.
   *
   * @throws FaultException Unavailable VAULT
   */
  Session current() {
    lock.lock();
    try {
      long nanos = patience.toNanos();
      Session session = usable();
      while (session == null && hopeful() && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
        session = usable();
      }
      if (session == null || !hopeful()) {
        throw new FaultException(
            Refusals.vault(
                health.flatMap(Health::problem).orElse("there is no session with Vault yet")));
      }
      return session;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FaultException(Refusals.vault("interrupted while waiting for a session"), e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * The same, to make a child under it: until {@link #leave} it is not taken for idle.
   *
   * @throws FaultException Unavailable VAULT
   */
  Session enter() {
    Session session = current();
    while (!session.enter()) {
      session = current();
    }
    return session;
  }

  /** The child is there, or never will be. */
  void leave(Session session) {
    session.leave();
    if (session.retired()) {
      wake();
    }
  }

  /** The same without waiting, whatever the health. */
  Optional<Session> currentNow() {
    lock.lock();
    try {
      return Optional.ofNullable(usable());
    } finally {
      lock.unlock();
    }
  }

  /** Takes over from the session before. */
  void succeed(Session next) {
    lock.lock();
    try {
      if (current != null) {
        current.retire();
      }
      current = next;
      alive.add(next);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * A token may hang under it that nobody holds: it gets no new epochs and ends with its last one.
   */
  void retire(Session session) {
    session.retire();
    wake();
  }

  /** It is dead in Vault. The listeners hear which epochs died with it. */
  void lose(Session session, String why) {
    Set<Epoch> epochs = session.lose();
    lock.lock();
    try {
      alive.remove(session);
      leftovers.add(session.accessor());
    } finally {
      lock.unlock();
    }
    LOG.warn("A session with Vault is lost, and {} epochs with it: {}", epochs.size(), why);
    lost.tell(epochs);
  }

  /** Vault will not renew it any more. The listeners hear, once, whose end that will be. */
  void warn(Session session) {
    Set<Epoch> epochs = session.warn();
    if (!epochs.isEmpty()) {
      LOG.warn("A session with Vault ends for good soon, and {} epochs with it", epochs.size());
      expiring.tell(epochs);
    }
  }

  /** An epoch's token is over. */
  void ended(Accessor child) {
    for (Session session : alive()) {
      session.remove(child);
      if (session.retired() && session.idle()) {
        wake();
      }
    }
  }

  /** Alive, oldest first. */
  List<Session> alive() {
    lock.lock();
    try {
      return List.copyOf(alive);
    } finally {
      lock.unlock();
    }
  }

  /**
   * What has to be ended for certain: sessions that were lost, and retired ones whose epochs are
   * over.
   */
  List<Accessor> leftovers() {
    lock.lock();
    try {
      for (Session session : List.copyOf(alive)) {
        if (session.retired() && session.idle()) {
          alive.remove(session);
          leftovers.add(session.accessor());
        }
      }
      return List.copyOf(leftovers);
    } finally {
      lock.unlock();
    }
  }

  /** It is ended for certain. */
  void forget(Accessor leftover) {
    lock.lock();
    try {
      leftovers.remove(leftover);
    } finally {
      lock.unlock();
    }
  }

  /** Hears of epochs that died with their session. */
  Hearers lost() {
    return lost;
  }

  /** Hears of epochs that will. */
  Hearers expiring() {
    return expiring;
  }

  Health health() {
    lock.lock();
    try {
      return health.orElseGet(
          () -> Health.unavailable("the first login with Vault is under way", time.now()));
    } finally {
      lock.unlock();
    }
  }

  /** What the heartbeat met; {@code since} stays while nothing but the words changes. */
  void note(Optional<String> problem) {
    lock.lock();
    try {
      boolean before = health.map(Health::available).orElse(false);
      // Who mends one problem is to see the next.
      if (!health.map(Health::problem).equals(Optional.of(problem))) {
        LOG.info("Vault is {}", problem.map(text -> "away: " + text).orElse("available"));
      }
      if (health.isEmpty() || before != problem.isEmpty()) {
        health = Optional.of(new Health(problem, time.now()));
        changed.signalAll();
      } else {
        health = Optional.of(new Health(problem, health.get().since()));
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets the heartbeat look now: a call failed, or there is something to do. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits to be woken; whether it was. */
  boolean rest(Duration atMost) throws InterruptedException {
    lock.lock();
    try {
      long nanos = atMost.toNanos();
      while (!woken && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      boolean was = woken;
      woken = false;
      return was;
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private @Nullable Session usable() {
    return current == null || current.retired() ? null : current;
  }

  @GuardedBy("lock")
  private boolean hopeful() {
    return health.map(Health::available).orElse(true);
  }
}
