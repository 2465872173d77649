package io.exeat.attest;

import io.exeat.base.Subscription;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The mTLS connections that stand: the door says when one opens and closes, attestation draws
 * presence from it.
 */
public final class Connections {
  private final Map<Long, Peer.Tls> open = new ConcurrentHashMap<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  /** The door has verified {@code peer} and will serve calls of it. */
  public void opened(Peer.Tls peer) {
    open.put(peer.connection(), peer);
    listeners.forEach(Runnable::run);
  }

  /** The connection is gone, whoever closed it. Idempotent. */
  public void closed(Peer.Tls peer) {
    if (open.remove(peer.connection()) != null) {
      listeners.forEach(Runnable::run);
    }
  }

  /** Those that stand now. */
  public Collection<Peer.Tls> open() {
    return List.copyOf(open.values());
  }

  /**
   * Runs {@code listener} after each opening and closing, on the door's thread: it must not block.
   */
  public Subscription onChange(Runnable listener) {
    Runnable own = () -> listener.run();
    listeners.add(own);
    return () -> listeners.remove(own);
  }
}
