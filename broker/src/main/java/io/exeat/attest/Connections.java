package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The mTLS connections that stand: the door says when one opens and closes, attestation draws
 * presence from it.
 */
public final class Connections {
  private final Map<Long, Standing> open = new ConcurrentHashMap<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  /**
   * @param settled whether a call has said which instance it is of, or that it is of none
   */
  private record Standing(Peer.Tls peer, boolean settled) {}

  /** The door has verified {@code peer} and will serve calls of it. */
  public void opened(Peer.Tls peer) {
    open.put(peer.connection(), new Standing(peer, false));
    listeners.forEach(Runnable::run);
  }

  /**
   * A call of {@code peer} says that it is of {@code instance}, or of none: the first one says it
   * for all of its connection.
   *
   * @return the peer, of that instance
   * @throws FaultException Malformed when the first call has said something else
   */
  @SuppressWarnings("ReferenceEquality") // because an equal one can be of an earlier call
  public Peer.Tls named(Peer.Tls peer, Optional<String> instance) {
    Peer.Tls named = new Peer.Tls(peer.chain(), peer.connection(), instance);
    Standing standing =
        open.computeIfPresent(
            peer.connection(),
            (number, known) -> known.settled() ? known : new Standing(named, true));
    if (standing == null) {
      return named; // its last call: it shows nobody's presence any more
    }
    if (!standing.peer().instance().equals(instance)) {
      throw new FaultException(
          new Fault.Malformed(
              "exeat-instance", "must be what the first call of the connection said"));
    }
    if (standing.peer() == named) {
      listeners.forEach(Runnable::run);
    }
    return standing.peer();
  }

  /** The connection is gone, whoever closed it. Idempotent. */
  public void closed(Peer.Tls peer) {
    if (open.remove(peer.connection()) != null) {
      listeners.forEach(Runnable::run);
    }
  }

  /** Those that stand now. */
  public Collection<Peer.Tls> open() {
    return open.values().stream().map(Standing::peer).toList();
  }

  /**
   * Runs {@code listener} after each opening, naming and closing, on the door's thread: it must not
   * block.
   */
  public Subscription onChange(Runnable listener) {
    Runnable own = () -> listener.run();
    listeners.add(own);
    return () -> listeners.remove(own);
  }
}
