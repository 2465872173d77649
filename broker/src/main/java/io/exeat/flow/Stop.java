package io.exeat.flow;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.journal.Kill;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * One agent's stop. What the journal and Vault have to do is done by one at a time, and by nobody
 * whose turn is over: a new kill ends the turn of a restoration that is under way.
 */
final class Stop {
  private static final Duration PAUSE = Duration.ofMillis(200);

  private final Kill kill;
  private final SecretsBackend backend;
  private final Journal journal;
  private final Time time;

  /** Held while the journal or Vault is asked. */
  private final ReentrantLock asking = new ReentrantLock();

  @GuardedBy("this")
  private long turn;

  @GuardedBy("this")
  private boolean over;

  @GuardedBy("this")
  private boolean disabled;

  @GuardedBy("this")
  private Optional<SpiffeId> first = Optional.empty();

  @GuardedBy("this")
  private Optional<SpiffeId> second = Optional.empty();

  @GuardedBy("this")
  private long voidTick;

  @GuardedBy("this")
  private Instant voidAt = Instant.MIN;

  @GuardedBy("this")
  private Optional<String> pending = Optional.empty();

  Stop(Kill kill, SecretsBackend backend, Journal journal, Time time) {
    this.kill = kill;
    this.backend = backend;
    this.journal = journal;
    this.time = time;
  }

  /** Somebody stops the agent, for the first time or again: whoever asked to restore it has not. */
  synchronized void again() {
    turn++;
    disabled &= second.isEmpty(); // it may be enabled by now
    first = Optional.empty();
    second = Optional.empty();
  }

  /** Has it written down and Vault told, until both have it; returns at once. */
  CompletableFuture<Void> enforce() {
    long mine = turn();
    return CompletableFuture.runAsync(
        () -> {
          step(mine, () -> journal.killed(kill));
          until(
              mine,
              "Vault has not disabled the agent yet",
              () -> backend.disable(kill.entry(), true));
          enforced(mine);
        },
        Chains::onItsOwn);
  }

  /** What a request to restore the agent came to. */
  sealed interface Asked {
    /** Another operator must ask too. */
    record Waits(Killed.Request request) implements Asked {}

    /**
     * This was the other.
     *
     * @param turn in which the agent is to be restored, and in no later one
     */
    record Both(long turn) implements Asked {}

    /** The agent has been restored already; who stopped it since did so anew. */
    record Over() implements Asked {}
  }

  /** One operator asks. */
  synchronized Asked ask(SpiffeId by) {
    if (over) {
      return new Asked.Over();
    }
    if (first.isPresent() && time.reached(voidTick) && second.isEmpty()) {
      first = Optional.empty();
    }
    if (first.isEmpty()) {
      first = Optional.of(by);
      voidTick = time.after(Kills.WAITS);
      voidAt = time.now().plus(Kills.WAITS);
    } else if (!first.get().equals(by)) {
      if (second.isEmpty()) {
        turn++;
      }
      second = Optional.of(by);
    }
    // Not by request(), which looks at the clock again: a request that is void is no second one.
    return second.isPresent()
        ? new Asked.Both(turn)
        : new Asked.Waits(new Killed.Request(first.get().toString(), voidAt));
  }

  /**
   * Enables the agent in Vault once {@code quiet}, and forgets the stop; returns at once.
   *
   * @param mine the turn, from {@link #ask}
   */
  CompletableFuture<Void> restore(long mine, BooleanSupplier quiet, Runnable forget) {
    return CompletableFuture.runAsync(
        () -> {
          while (isTurn(mine) && !quiet.getAsBoolean()) {
            pend(Optional.of("what it held is not proven dead yet"));
            LockSupport.parkNanos(PAUSE.toNanos());
          }
          until(
              mine,
              "Vault has not enabled the agent yet",
              () -> backend.disable(kill.entry(), false));
          until(mine, "the journal cannot be written", () -> journal.restored(kill.agent()));
          forget.run();
        },
        Chains::onItsOwn);
  }

  /** Whether the restoration of this turn is done, and not overtaken. */
  synchronized boolean finish(long mine) {
    if (turn != mine) {
      return false;
    }
    turn++;
    over = true;
    return true;
  }

  synchronized Killed view() {
    return new Killed(kill, disabled, request(), pending);
  }

  /** Whether the journal has it. */
  boolean isRecorded() {
    return journal.problem().isEmpty()
        && journal.kills().stream().anyMatch(each -> each.agent().equals(kill.agent()));
  }

  /** For the audit. */
  synchronized String restorers() {
    return first.map(SpiffeId::toString).orElse("")
        + " and "
        + second.map(SpiffeId::toString).orElse("");
  }

  private synchronized Optional<Killed.Request> request() {
    return first
        .filter(by -> second.isEmpty() && !time.reached(voidTick))
        .map(by -> new Killed.Request(by.toString(), voidAt));
  }

  /** Tries {@code step} until it is done or the turn is over. */
  private void until(long mine, String problem, Runnable step) {
    while (isTurn(mine)) {
      try {
        step(mine, step);
        pend(Optional.empty());
        return;
      } catch (FaultException e) {
        pend(Optional.of(problem + ": " + e.getMessage()));
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    }
  }

  private void step(long mine, Runnable step) {
    asking.lock();
    try {
      if (isTurn(mine)) {
        step.run();
      }
    } finally {
      asking.unlock();
    }
  }

  private synchronized long turn() {
    return turn;
  }

  private synchronized boolean isTurn(long mine) {
    return turn == mine;
  }

  private synchronized void enforced(long mine) {
    disabled |= turn == mine;
  }

  private synchronized void pend(Optional<String> why) {
    pending = why;
  }
}
