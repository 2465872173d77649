package io.exeat.credential.vault;

import io.exeat.base.Accessor;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.SessionLog;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Renews each session at a third of its TTL, so that Vault ends every epoch by itself once we are
 * silent; opens a successor before a session is too old for the longest task, and renews the old
 * one until its last epoch is over or Vault renews it no more, of which it warns; logs in again
 * whenever there is no session. While something is wrong it tries again with jitter, at most 1 s
 * apart.
 *
 * <p>A session is written down before it has children. One that Vault does not know any more, or
 * that could not be renewed for its whole TTL, is lost.
 */
final class Heartbeat implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final Duration MARGIN = Duration.ofMinutes(1);
  private static final Duration FIRST_RETRY = Duration.ofMillis(50);
  private static final Duration LAST_RETRY = Duration.ofSeconds(1);
  private static final Duration PROBE = Duration.ofSeconds(2);
  private static final Duration WARN_AT_MOST = Duration.ofSeconds(60);

  private final VaultClient client;
  private final VaultLogin login;
  private final VaultSession sessions;
  private final SessionLog log;
  private final Duration longestTask;
  private final Time time;
  private final Thread thread;

  /** Only the thread's. */
  private Duration retry = FIRST_RETRY;

  /** Only the thread's: whether a successor is due and could not be opened. */
  private boolean overdue;

  Heartbeat(
      VaultClient client,
      VaultLogin login,
      VaultSession sessions,
      SessionLog log,
      Duration longestTask,
      Time time) {
    this.client = client;
    this.login = login;
    this.sessions = sessions;
    this.log = log;
    this.longestTask = longestTask;
    this.time = time;
    this.thread = Thread.ofVirtual().name("vault-heartbeat").unstarted(this::beat);
  }

  void start() {
    thread.start();
  }

  /** Stops, and ends the sessions that have no epoch; the others die with their TTL. */
  @Override
  public void close() {
    thread.interrupt();
    for (Session session : sessions.alive()) {
      if (session.idle() && sessions.health().available()) {
        endSelf(session);
      }
      session.token().close();
    }
  }

  private void beat() {
    try {
      boolean look = false;
      while (!Thread.currentThread().isInterrupted()) {
        look = sessions.rest(once(look));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One round; how long to rest after it. */
  private Duration once(boolean look) {
    try {
      round(look);
      sessions.note(Optional.empty());
      retry = FIRST_RETRY;
      return untilNextRenewal();
    } catch (NoAnswer e) {
      return failed(Refusals.of(e));
    } catch (FaultException e) {
      return failed(e);
    } catch (RuntimeException e) {
      LOG.error("The heartbeat with Vault met a defect", e);
      return failed(new FaultException(Refusals.vault("the heartbeat met a defect"), e));
    }
  }

  /** Everything that is due, first what keeps epochs alive. */
  private void round(boolean look) throws NoAnswer {
    boolean all = look || !sessions.health().available();
    for (Session session : sessions.alive()) {
      if (all || time.reached(session.renewTick())) {
        renew(session);
      }
      if (time.until(session.endTick()).compareTo(warning(session)) <= 0) {
        sessions.warn(session);
      }
    }
    Optional<Session> old = sessions.currentNow();
    if (old.isEmpty()) {
      succeed();
    } else if (tooOld(old.get())) {
      succeedIfPossible();
    }
    Session current = sessions.currentNow().orElseThrow(Heartbeat::noSession);
    for (Accessor leftover : sessions.leftovers()) {
      Tokens.end(client, current.token(), leftover);
      log.ended(leftover);
      sessions.forget(leftover);
    }
  }

  private void renew(Session session) throws NoAnswer {
    long sent = time.nanos().getAsLong();
    try {
      Answer answer = client.post("auth/token/renew-self", session.token(), Map.of(), PROBE);
      if (answer.ok()) {
        session.renewed(
            sent,
            Duration.ofSeconds(answer.auth().path("lease_duration").asLong()),
            !answer.warnings().isEmpty());
      } else if (answer.status() == 403) {
        sessions.lose(session, "Vault does not know it any more");
      } else {
        throw Refusals.of("renew the session", answer);
      }
    } catch (NoAnswer | FaultException e) {
      if (time.reached(session.deadTick())) {
        sessions.lose(session, "it could not be renewed for its whole TTL");
      }
      throw e;
    }
  }

  /** Half a life is the bound for a role whose sessions are shorter than the longest task. */
  private boolean tooOld(Session session) {
    Duration wanted = longestTask.plus(MARGIN);
    Duration half = session.life().dividedBy(2);
    return time.until(session.endTick()).compareTo(wanted.compareTo(half) < 0 ? wanted : half) < 0;
  }

  /** Tenth of a life, at most a minute. */
  private static Duration warning(Session session) {
    Duration tenth = session.life().dividedBy(10);
    return tenth.compareTo(WARN_AT_MOST) < 0 ? tenth : WARN_AT_MOST;
  }

  /** The session that there is goes on being used while it lives. */
  private void succeedIfPossible() {
    boolean first = !overdue;
    overdue = true;
    try {
      succeed();
      overdue = false;
    } catch (NoAnswer | FaultException e) {
      if (first) {
        LOG.warn("The session with Vault is due for a successor, which cannot be opened yet", e);
      }
    }
  }

  private void succeed() throws NoAnswer {
    Session next = login.login();
    try {
      log.opened(next.accessor());
    } catch (RuntimeException e) {
      endSelf(next);
      throw e;
    }
    sessions.succeed(next);
  }

  private void endSelf(Session session) {
    try {
      Answer answer = client.post("auth/token/revoke-self", session.token(), Map.of(), PROBE);
      if (answer.ok()) {
        log.ended(session.accessor());
      }
    } catch (NoAnswer | RuntimeException e) {
      LOG.info("A session with Vault is left to its TTL", e);
    }
  }

  private Duration untilNextRenewal() {
    if (overdue) {
      return LAST_RETRY;
    }
    return sessions.alive().stream()
        .flatMap(session ->
            session.warned()
                ? Stream.of(time.until(session.renewTick()))
                : Stream.of(
                    time.until(session.renewTick()),
                    time.until(session.endTick()).minus(warning(session))))
        .min(Duration::compareTo)
        .orElse(FIRST_RETRY);
  }

  private Duration failed(FaultException e) {
    LOG.debug("The heartbeat with Vault failed", e);
    sessions.note(
        Optional.of(
            e.fault() instanceof Fault.Unavailable away ? away.problem() : e.fault().toString()));
    long most = retry.toNanos();
    retry = most * 2 < LAST_RETRY.toNanos() ? retry.multipliedBy(2) : LAST_RETRY;
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
  }

  private static FaultException noSession() {
    return new FaultException(Refusals.vault("the session ended while it was opened"));
  }
}
