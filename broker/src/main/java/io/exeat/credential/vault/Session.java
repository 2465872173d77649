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
  private final long endTick;

  @GuardedBy("this")
  private final Map<Accessor, Epoch> children = new HashMap<>();

  @GuardedBy("this")
  private long deadTick;

  @GuardedBy("this")
  private long renewTick;

  @GuardedBy("this")
  private boolean retired;

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
    this.endTick = bornTick + life.toNanos();
    renewed(bornTick);
  }

  Accessor accessor() {
    return accessor;
  }

  SecretBytes token() {
    return token;
  }

  /** When no renewal helps any more. */
  long endTick() {
    return endTick;
  }

  /** How long it lives in all. */
  Duration life() {
    return life;
  }

  /** Renewed by a request that was sent at {@code sentTick}: Vault counts from no earlier. */
  final synchronized void renewed(long sentTick) {
    deadTick = sentTick + ttl.toNanos();
    renewTick = sentTick + ttl.dividedBy(3).toNanos();
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
    return children.isEmpty();
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
