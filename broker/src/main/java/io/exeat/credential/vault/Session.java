package io.exeat.credential.vault;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.SecretBytes;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** One token of the broker's own and the epochs whose tokens are its children. */
final class Session {
  private final Accessor accessor;
  private final SecretBytes token;
  private final Duration ttl;
  private final Duration life;
  private final long lastTick;

  @GuardedBy("this")
  private final Map<Accessor, Epoch> children = new HashMap<>();

  /** Children that are being made. */
  @GuardedBy("this")
  private int pending;

  @GuardedBy("this")
  private long endTick;

  @GuardedBy("this")
  private long deadTick;

  @GuardedBy("this")
  private long renewTick;

  @GuardedBy("this")
  private boolean retired;

  @GuardedBy("this")
  private boolean warned;

  @GuardedBy("this")
  private boolean lost;

  /**
   * @param ttl how long Vault lets it live after each renewal
   * @param life after which no renewal helps any more
   * @param bornTick from when it is counted
   */
  Session(Accessor accessor, SecretBytes token, Duration ttl, Duration life, long bornTick) {
    this.accessor = accessor;
    this.token = token;
    this.ttl = ttl;
    this.life = life;
    this.lastTick = bornTick + life.toNanos();
    renewed(bornTick, ttl, false);
  }

  Accessor accessor() {
    return accessor;
  }

  SecretBytes token() {
    return token;
  }

  /** When no renewal helps any more, as far as Vault has said. */
  synchronized long endTick() {
    return endTick;
  }

  /** How long it lives in all. */
  Duration life() {
    return life;
  }

  /**
   * Renewed by a request that was sent at {@code sentTick}: Vault counts from no earlier.
   *
   * @param left how long it lives now
   * @param cut whether Vault said that it lives no longer than that, renewed or not
   */
  final synchronized void renewed(long sentTick, Duration left, boolean cut) {
    deadTick = sentTick + left.toNanos();
    renewTick = sentTick + left.dividedBy(3).toNanos();
    endTick = cut && deadTick - lastTick < 0 ? deadTick : lastTick;
  }

  /** How long it lives after a renewal. */
  Duration ttl() {
    return ttl;
  }

  /** When the heartbeat is due. */
  synchronized long renewTick() {
    return renewTick;
  }

  /** From when on Vault has ended it, unless it was renewed. */
  synchronized long deadTick() {
    return deadTick;
  }

  /** No new children. */
  synchronized void retire() {
    retired = true;
  }

  synchronized boolean retired() {
    return retired;
  }

  /** Announces a child; false when it gets no new ones. */
  synchronized boolean enter() {
    if (!retired) {
      pending++;
    }
    return !retired;
  }

  /** What was announced is a child now, or never will be. */
  synchronized void leave() {
    pending--;
  }

  /** Whether its children are to be warned of its end: said once. */
  synchronized Set<Epoch> warn() {
    if (warned) {
      return Set.of();
    }
    warned = true;
    return Set.copyOf(children.values());
  }

  synchronized boolean warned() {
    return warned;
  }

  /** Whether the child is covered: false when the session was lost meanwhile. */
  synchronized boolean add(Accessor child, Epoch epoch) {
    if (!lost) {
      children.put(child, epoch);
    }
    return !lost;
  }

  synchronized void remove(Accessor child) {
    children.remove(child);
  }

  synchronized boolean idle() {
    return pending == 0 && children.isEmpty();
  }

  /** It is dead in Vault: its epochs, given once. */
  synchronized Set<Epoch> lose() {
    retired = true;
    lost = true;
    Set<Epoch> epochs = Set.copyOf(children.values());
    children.clear();
    return epochs;
  }
}
