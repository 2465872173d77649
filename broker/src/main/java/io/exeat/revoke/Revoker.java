package io.exeat.revoke;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Spread;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.SecretsBackend;
import io.exeat.revoke.TargetVerifier.Mark;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what it is given, and looks at the target until it is dead there.
 *
 * <p>An attempt shuts the target's door, which ends who holds it open, ends the token, ends each
 * lease and waits for Vault, ends what sessions are left, looks, and tries to get in where there is
 * something left: at first, each minute, and before it takes it for dead. No step that fails keeps
 * the next from being tried: with Vault away the target is shut all the same. Attempts go on for
 * ever, jittered and at most {@link #MOST} apart; Vault's own queue stops after six. Each
 * revocation has a virtual thread of its own, so none waits for another's target, and none for
 * issuing; at Vault and at each target agents take turns.
 */
public final class Revoker implements AutoCloseable {
  /** The longest pause between two attempts. */
  public static final Duration MOST = Duration.ofSeconds(1);

  /** From one try to get in where not all is dead to the next: Vault may be away for hours. */
  private static final Duration TRIES = Duration.ofMinutes(1);

  private static final Duration LEAST = Duration.ofMillis(20);
  private static final Logger LOG = LoggerFactory.getLogger(Revoker.class);

  private final SecretsBackend backend;
  private final Map<String, TargetVerifier> verifiers;
  private final Turns turns;
  private final Time time;
  private final ConcurrentMap<Mark, Work> works = new ConcurrentHashMap<>();
  private final Spread deaths = new Spread();
  private volatile boolean closed;

  /**
   * @param verifiers by the target's catalogue name
   */
  public Revoker(SecretsBackend backend, Map<String, TargetVerifier> verifiers, Time time) {
    this.backend = backend;
    this.verifiers = Map.copyOf(verifiers);
    this.turns = new Turns(this.verifiers);
    this.time = time;
  }

  /**
   * Starts ending {@code condemned} and gives what was seen once it is dead. What is being ended
   * already is not started again. The future never fails; it stays open when the broker stops
   * first, and the journal has the rest.
   *
   * @param agent whose turn it is when several agents' have to wait
   * @param secrets what was lent, as far as it is known still, lent until it is dead
   */
  public CompletableFuture<Obituary> end(
      Condemned condemned, SpiffeId agent, Function<CredentialId, Optional<SecretBytes>> secrets) {
    Work fresh = new Work(time.after(Duration.ZERO));
    Work work = works.putIfAbsent(condemned.mark(), fresh);
    if (work != null) {
      return work.done;
    }
    Thread.ofVirtual()
        .name("revoke " + condemned.epoch())
        .start(() -> run(condemned, agent.toString(), secrets, fresh));
    return fresh.done;
  }

  /** Why each revocation that is not proven yet is not, by task; for people. */
  public Map<TaskId, String> pending() {
    Map<TaskId, String> pending = new LinkedHashMap<>();
    waiting()
        .forEach(each ->
            pending.merge(
                each.mark().epoch().task(), each.inWords(), (one, two) -> one + "; " + two));
    return pending;
  }

  /** Everything that is not proven dead yet. */
  public List<Unproven> waiting() {
    List<Unproven> waiting = new ArrayList<>();
    works.forEach((mark, work) ->
        waiting.add(new Unproven(mark, time.since(work.begun), work.waitsFor, work.reason)));
    return waiting;
  }

  /** How long it took from the asking until the proof. */
  public Spread deaths() {
    return deaths;
  }

  /** Asks the targets' verifiers how far each clock is ahead of ours, by the target's name. */
  public Map<String, Supplier<Duration>> clocks() {
    Map<String, Supplier<Duration>> clocks = new LinkedHashMap<>();
    verifiers.forEach((target, verifier) -> clocks.put(target, verifier::clockAhead));
    return clocks;
  }

  /** Stops trying. */
  @Override
  public void close() {
    closed = true;
    works.values().forEach(work -> LockSupport.unpark(work.thread));
  }

  private void run(
      Condemned condemned,
      String agent,
      Function<CredentialId, Optional<SecretBytes>> secrets,
      Work work) {
    work.thread = Thread.currentThread();
    Duration pause = LEAST;
    while (!closed) {
      Attempt attempt = new Attempt(agent, secrets, work.isToTry(time));
      attemptAnyway(condemned, attempt);
      if (attempt.left().isEmpty()) {
        works.remove(condemned.mark(), work);
        if (!work.waitsFor.equals(Unproven.ITS_END)) { // which says nothing of how fast this is
          deaths.add(time.since(work.begun));
        }
        work.done.complete(new Obituary(attempt.confirmedAt(), time.now(), attempt.checks()));
        return;
      }
      work.waitsFor = attempt.waitsFor();
      String reason = String.join("; ", attempt.left());
      if (!reason.equals(work.reason)) {
        LOG.warn("Still revoking {}: {}", condemned.epoch(), reason);
        work.reason = reason;
      }
      LockSupport.parkNanos(jittered(pause).toNanos());
      pause = pause.multipliedBy(2).compareTo(MOST) < 0 ? pause.multipliedBy(2) : MOST;
    }
  }

  /** The same as {@link #attempt}; a defect, or no memory, is a reason to try again. */
  private void attemptAnyway(Condemned condemned, Attempt attempt) {
    try {
      attempt(condemned, attempt);
    } catch (RuntimeException | Error e) {
      LOG.error("An attempt at ending {} failed", condemned.epoch(), e);
      attempt.isAlive("an attempt failed: " + e.getClass().getSimpleName());
    }
  }

  private void attempt(Condemned condemned, Attempt attempt) {
    List<Runnable> doors = new ArrayList<>();
    for (String target : condemned.targets()) {
      doors.add(() ->
          attempt.step(
              "shut the door of " + target,
              () -> inTurn(target, attempt, () -> verifier(target).shut(condemned.at(target)))));
    }
    condemned
        .token()
        .ifPresent(
            token -> doors.add(() -> attempt.step("end the token", () -> end(token, attempt))));
    Attempt.together(doors);
    for (LeaseId lease : condemned.leases()) {
      attempt.step("end the lease " + lease, () -> end(lease, attempt));
    }
    attempt.confirmed(time.now());
    List<Runnable> looks = new ArrayList<>();
    condemned
        .token()
        .ifPresent(token ->
            looks.add(() -> attempt.step("look the token up", () -> look(token, attempt))));
    for (LeaseId lease : condemned.leases()) {
      looks.add(() -> attempt.step("look the lease up", () -> look(lease, attempt)));
    }
    for (String target : condemned.targets()) {
      looks.add(() -> attempt.step("look at " + target, () -> look(target, condemned, attempt)));
    }
    Attempt.together(looks);
  }

  private void end(Accessor token, Attempt attempt) {
    inTurn(attempt, () -> backend.endToken(token));
    attempt.saw("vault: token revoked by accessor");
  }

  private void end(LeaseId lease, Attempt attempt) {
    inTurn(attempt, () -> backend.endLease(lease));
    attempt.saw("vault: lease " + lease + " revoked (sync)");
  }

  private void look(Accessor token, Attempt attempt) {
    if (turns.atVault(attempt.agent(), () -> backend.tokenGone(token))) {
      attempt.saw("vault: token unknown by accessor");
    } else {
      attempt.isAlive("Vault still knows the token");
    }
  }

  private void look(LeaseId lease, Attempt attempt) {
    if (turns.atVault(attempt.agent(), () -> backend.leaseGone(lease))) {
      attempt.saw("vault: lease " + lease + " unknown");
    } else {
      attempt.isAlive("Vault still knows the lease " + lease);
    }
  }

  private void look(String target, Condemned condemned, Attempt attempt) {
    Map<String, SecretBytes> lent = attempt.lent(condemned, target);
    TargetVerifier.Sighting seen =
        turns.at(target, attempt.agent(), () -> verifier(target).look(condemned.at(target), lent));
    seen.alive().forEach(attempt::isAlive);
    seen.ending().forEach(attempt::isEnding);
    seen.checks().forEach(check -> attempt.saw(target + ": " + check));
  }

  private void inTurn(Attempt attempt, Runnable atVault) {
    var _ =
        turns.atVault(
            attempt.agent(),
            () -> {
              atVault.run();
              return attempt;
            });
  }

  private void inTurn(String target, Attempt attempt, Runnable there) {
    var _ =
        turns.at(
            target,
            attempt.agent(),
            () -> {
              there.run();
              return attempt;
            });
  }

  private TargetVerifier verifier(String target) {
    TargetVerifier verifier = verifiers.get(target);
    if (verifier == null) {
      throw new IllegalStateException("no verifier for " + target + ": the catalogue has lost it");
    }
    return verifier;
  }

  private static Duration jittered(Duration pause) {
    return pause.multipliedBy(50 + ThreadLocalRandom.current().nextInt(51)).dividedBy(100);
  }

  private static final class Work {
    final CompletableFuture<Obituary> done = new CompletableFuture<>();
    final long begun;
    volatile String waitsFor = "ALIVE";
    volatile String reason = "the first attempt is under way";
    volatile Thread thread = Thread.currentThread();

    private long tries;

    Work(long begun) {
      this.begun = begun;
      this.tries = begun;
    }

    /** On its own thread. */
    boolean isToTry(Time time) {
      boolean now = time.reached(tries);
      if (now) {
        tries = time.after(TRIES);
      }
      return now;
    }
  }
}
