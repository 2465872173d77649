package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One subscription at the issuer for one process: a first answer to wait for, and what comes later.
 */
final class Asked implements Issuer.Answers {
  /** Told of what comes after the first answer. */
  interface Later {
    /** A new SVID. */
    void next(Asked from, Svid next);

    /** There is no one SVID of an agent any more. */
    void withdrawn(Asked from);
  }

  private final Peer.Local peer;
  private final Terms terms;
  private final Once gone;
  private final Later later;
  private final CompletableFuture<Svid> first = new CompletableFuture<>();
  private volatile String problem = "";
  private volatile @Nullable Svid latest;
  private @Nullable Subscription subscription;
  private boolean closed;

  Asked(Peer.Local peer, Terms terms, Once gone, Later later) {
    this.peer = peer;
    this.terms = terms;
    this.gone = gone;
    this.later = later;
  }

  void open() {
    Subscription opened = terms.issuer().watch(peer, this);
    Subscription dead =
        gone.then(
            why -> first.completeExceptionally(new FaultException(new Fault.Unattested(why))));
    synchronized (this) {
      subscription =
          () -> {
            dead.close();
            opened.close();
          };
      if (!closed) {
        return;
      }
    }
    close();
  }

  /** Fails with the FaultException that the answer was. */
  Svid first(Duration within) throws InterruptedException, ExecutionException, TimeoutException {
    return first.get(within.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** As of now; null when it has been withdrawn since. */
  @Nullable Svid latest() {
    return latest;
  }

  /** For people: why there is no answer yet, or empty. */
  String problem() {
    return problem;
  }

  void close() {
    Subscription now;
    synchronized (this) {
      closed = true;
      now = subscription;
    }
    if (now != null) {
      now.close();
    }
  }

  @Override
  public void entitled(List<Svid> svids) {
    Svid now;
    try {
      now = pick(svids);
    } catch (FaultException e) {
      refused(e);
      return;
    }
    latest = now;
    if (!first.complete(now)) {
      later.next(this, now);
    }
  }

  private Svid pick(List<Svid> svids) {
    List<Svid> ours =
        svids.stream()
            .filter(some -> terms.agents().test(some.id()))
            .filter(some -> terms.time().now().isBefore(some.notAfter()))
            .toList();
    if (ours.size() != 1) {
      throw new FaultException(
          new Fault.Unattested(
              ours.isEmpty()
                  ? "the process has no identity of an agent"
                  : "the process has " + ours.size() + " identities of agents; exactly 1"));
    }
    return ours.getFirst();
  }

  @Override
  public void refused(String why) {
    refused(new FaultException(new Fault.Unattested("the issuer refuses: " + why)));
  }

  private void refused(FaultException why) {
    latest = null;
    var _ = first.completeExceptionally(why);
    later.withdrawn(this);
  }

  @Override
  public void interrupted(String why) {
    problem = ": " + why;
  }
}
