package io.exeat.attest;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One process that the issuer vouches for: its SVID as it is now, through one stream, until the
 * process dies, the identity is withdrawn or changed, or it expires while the issuer is away. Then
 * it is gone for good.
 */
final class Vouched implements Asked.Later {
  private static final Logger LOG = LoggerFactory.getLogger(Vouched.class);

  /** After this long a process that nothing depends on is attested anew, should it come again. */
  static final Duration IDLE = Duration.ofSeconds(60);

  private final Peer.Local peer;
  private final Terms terms;
  private final Once gone = new Once();
  private final ReentrantLock asking = new ReentrantLock();
  private final Due due;

  @GuardedBy("this")
  private @Nullable Asked stream;

  @GuardedBy("this")
  private long idleAt;

  @GuardedBy("this")
  private int dependants;

  private volatile @Nullable Svid svid;
  private volatile @Nullable Subscription death;

  Vouched(Peer.Local peer, Terms terms) {
    this.peer = peer;
    this.terms = terms;
    this.due = new Due(terms.time(), terms.timing().recheck());
    this.idleAt = terms.time().after(IDLE);
    Subscription held = peer.process().onDeath(() -> end("the process has exited"));
    this.death = held;
    if (isGone()) { // before that was known
      held.close();
    }
  }

  boolean isGone() {
    return gone.hasHappened();
  }

  /** Whether the process is there still, as the hold says that is ours until we end. */
  boolean isAlive() {
    return peer.process().alive();
  }

  boolean isOf(SpiffeId id) {
    return lastSvid().filter(it -> it.id().equals(id)).isPresent();
  }

  int uid() {
    return peer.uid();
  }

  /** For the keeper of these alone: it does not count as depending on the process. */
  void onEnd(Runnable then) {
    var _ = gone.then(_ -> then.run());
  }

  /** Until it is closed, something depends on the process, which is not idle then. */
  Subscription whenGone(Consumer<String> then) {
    depend(1);
    AtomicBoolean open = new AtomicBoolean(true);
    Subscription told = gone.then(then);
    return () -> {
      if (open.getAndSet(false)) {
        told.close();
        depend(-1);
      }
    };
  }

  private synchronized void depend(int more) {
    dependants += more;
    idleAt = terms.time().after(IDLE);
  }

  /** It is asked for now. */
  Vouched touch() {
    depend(0);
    return this;
  }

  /** Whether nothing depends on it, and it was not asked for in a while. */
  synchronized boolean isIdle() {
    return dependants == 0 && terms.time().reached(idleAt);
  }

  /** Whether {@link #svidNow} would ask nobody, now and in the next moment. */
  boolean isFresh() {
    return svid != null && !isGone() && !due.isNear();
  }

  /** The SVID as it was last told of, until it is gone; asks nobody. */
  Optional<Svid> lastSvid() {
    return isGone() ? Optional.empty() : Optional.ofNullable(svid);
  }

  /**
   * The SVID, attested at most {@code recheck} ago where the issuer can be asked.
   *
   * @param mayWait for the issuer
   * @throws FaultException Unattested, Unavailable IDENTITY
   * @throws WouldWait where it may not
   */
  Svid svidNow(boolean mayWait) {
    Svid now = svid;
    if (now == null || due.isNow()) {
      if (!mayWait) {
        throw new WouldWait();
      }
      now = ask();
    } else {
      due.ahead(asking, () -> askAnew(svid, terms.timing().within()));
    }
    if (isGone() || !isValid(now)) {
      throw new FaultException(new Fault.Unattested("the agent is no longer attested"));
    }
    return now;
  }

  private boolean isValid(Svid some) {
    return terms.time().now().isBefore(some.notAfter());
  }

  /** One at a time: who waited takes the answer that came meanwhile. */
  private Svid ask() {
    Duration within = terms.timing().within();
    try {
      if (!asking.tryLock(within.toNanos(), TimeUnit.NANOSECONDS)) {
        throw unavailable("no answer within " + within.toMillis() + " ms");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unavailable("interrupted");
    }
    try {
      Svid now = svid;
      return now != null && !due.isNow() ? now : askAnew(now, within);
    } finally {
      asking.unlock();
    }
  }

  private Svid askAnew(@Nullable Svid before, Duration within) {
    Asked next = new Asked(peer, terms, gone, this);
    try {
      next.open();
      Svid answer = next.first(within);
      if (before != null && !before.id().equals(answer.id())) {
        throw new FaultException(
            new Fault.Unattested("the process has another identity than before"));
      }
      adopt(next);
      return answer;
    } catch (ExecutionException e) {
      next.close();
      FaultException fault =
          e.getCause() instanceof FaultException known ? known : unavailable("an answer was lost");
      end("no longer attested");
      throw fault;
    } catch (FaultException e) {
      next.close();
      end("no longer attested");
      throw e;
    } catch (TimeoutException e) {
      next.close();
      if (before != null && isValid(before)) {
        return before;
      }
      end("not attested in time");
      throw unavailable(
          "no answer from "
              + terms.issuer().state()
              + " within "
              + within.toMillis()
              + " ms"
              + next.problem());
    } catch (InterruptedException e) {
      next.close();
      Thread.currentThread().interrupt();
      throw unavailable("interrupted");
    }
  }

  private void adopt(Asked next) {
    Asked old;
    synchronized (this) {
      old = stream;
      stream = next;
      due.answered();
    }
    if (old != null) {
      old.close();
    }
    // What came between the first answer and this moment was told to nobody.
    Svid latest = next.latest();
    svid = latest;
    if (latest == null) {
      end("the identity was withdrawn");
    } else if (isGone()) {
      next.close();
    }
    endWhenExpired();
  }

  /** The issuer may be away for longer than the SVID lives. */
  private void endWhenExpired() {
    Svid now = svid;
    if (now == null || isGone()) {
      return;
    }
    Duration left = Duration.between(terms.time().now(), now.notAfter());
    if (left.isPositive()) {
      var _ = terms.transport().after(left.plusMillis(10), this::endIfExpired);
    } else {
      end("the identity has expired");
    }
  }

  private void endIfExpired() {
    Svid now = svid;
    if (now != null && !isValid(now)) {
      end("the identity has expired");
    }
  }

  void end(String why) {
    Asked last;
    synchronized (this) {
      last = stream;
      stream = null;
    }
    if (gone.happen(why)) {
      LOG.info("Process {} (uid {}) is no longer vouched for: {}", peer.pid(), peer.uid(), why);
    }
    svid = null;
    Subscription held = death;
    if (held != null) {
      held.close();
    }
    if (last != null) {
      last.close();
    }
  }

  private synchronized boolean isCurrent(Asked some) {
    return some.equals(stream);
  }

  @Override
  public void next(Asked from, Svid next) {
    if (!isCurrent(from)) {
      return;
    }
    Svid before = svid;
    if (before != null && !before.id().equals(next.id())) {
      end("the identity was changed");
      return;
    }
    svid = next;
    endWhenExpired();
  }

  @Override
  public void withdrawn(Asked from) {
    if (isCurrent(from)) {
      end("the identity was withdrawn");
    }
  }

  private static FaultException unavailable(String problem) {
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.IDENTITY, problem, Duration.ofSeconds(1)));
  }
}
