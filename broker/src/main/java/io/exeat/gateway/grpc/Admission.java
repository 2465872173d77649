package io.exeat.gateway.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the connections of a door, so that one peer cannot take them all. */
public final class Admission {

  private static final Logger LOG = LoggerFactory.getLogger(Admission.class);

  private final Limits limits;

  @GuardedBy("this")
  private final Map<String, Integer> perPeer = new HashMap<>();

  @GuardedBy("this")
  private int all;

  public Admission(Limits limits) {
    this.limits = limits;
  }

  /**
   * Whether one more connection of {@code peer} may stay; if so, {@link #leave} must follow its
   * end.
   */
  public synchronized boolean enter(String peer) {
    if (isFull(peer)) {
      // At debug, since whoever knocks decides how often.
      LOG.debug("refused a connection of {}: it has {}, all have {}", peer, has(peer), all);
      return false;
    }
    all++;
    perPeer.put(peer, has(peer) + 1);
    return true;
  }

  /** Whether {@link #enter} would say no now. */
  synchronized boolean isFull(String peer) {
    return all >= limits.connections() || has(peer) >= limits.connectionsPerPeer();
  }

  @GuardedBy("this")
  private int has(String peer) {
    return perPeer.getOrDefault(peer, 0);
  }

  /** The limit of one peer. */
  int perPeer() {
    return limits.connectionsPerPeer();
  }

  public synchronized void leave(String peer) {
    all--;
    perPeer.computeIfPresent(peer, (key, has) -> has > 1 ? has - 1 : null);
  }
}
