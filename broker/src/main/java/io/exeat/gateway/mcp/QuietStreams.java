package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.exeat.gateway.grpc.Limits;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts the streams that stand for those of servers which have none. Each takes a connection that
 * the server would have given back at once, so one peer has as many as leave it half of its own.
 */
final class QuietStreams {
  private static final int PER_PEER = Limits.DEFAULT.connectionsPerPeer() / 2;

  private final Map<String, Integer> perPeer = new HashMap<>();

  /** Room for one peer's. */
  interface Room {
    /** Whether there may be one more; if so, {@link #leave} must follow its end. */
    boolean enter();

    void leave();
  }

  Room of(Peer peer) {
    String owner = peer instanceof Peer.Local local ? "uid " + local.uid() : peer.toString();
    return new Room() {
      @Override
      public boolean enter() {
        return QuietStreams.this.enter(owner);
      }

      @Override
      public void leave() {
        QuietStreams.this.leave(owner);
      }
    };
  }

  private synchronized boolean enter(String owner) {
    int has = perPeer.getOrDefault(owner, 0);
    if (has >= PER_PEER) {
      return false;
    }
    perPeer.put(owner, has + 1);
    return true;
  }

  private synchronized void leave(String owner) {
    perPeer.computeIfPresent(owner, (_, has) -> has > 1 ? has - 1 : null);
  }
}
