package io.exeat.app;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.attest.Peer;
import io.exeat.base.CannotStart;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An attestor whose issuer need not be there yet: SPIRE may start after us. Until it can be made,
 * whoever calls hears what is missing.
 */
final class LateAttestor implements Attestor {
  private static final Logger LOG = LoggerFactory.getLogger(LateAttestor.class);
  private static final Duration RETRY = Duration.ofMillis(500);

  private final Thread making;
  private volatile @Nullable Attestor made;
  private volatile @Nullable CannotStart refused;
  private volatile String missing = "the issuer has not been asked yet";
  private volatile boolean closed;

  /**
   * @param maker makes the real one, or throws what is missing; called until it succeeds, or throws
   *     CannotStart
   */
  LateAttestor(Supplier<Attestor> maker) {
    this.making = Thread.ofVirtual().name("attestation").start(() -> make(maker));
  }

  private void make(Supplier<Attestor> maker) {
    while (!closed) {
      try {
        Attestor attestor = maker.get();
        made = attestor;
        if (closed) {
          attestor.close();
        }
        return;
      } catch (CannotStart e) {
        missing = String.valueOf(e.getMessage());
        refused = e;
        return;
      } catch (FaultException | IllegalStateException e) {
        String why = String.valueOf(e.getMessage());
        if (!why.equals(missing)) {
          LOG.warn("Nobody can be attested yet: {}", why);
        }
        missing = why;
      }
      try {
        Thread.sleep(RETRY);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** What is missing, for people; empty when nothing is. */
  Optional<String> problem() {
    return made == null ? Optional.of(missing) : Optional.empty();
  }

  /**
   * Returns as long as the real one is made or may be.
   *
   * @throws CannotStart when it never will be
   */
  void check() {
    CannotStart why = refused;
    if (why != null) {
      throw why;
    }
  }

  private Attestor there() {
    Attestor there = made;
    if (there == null) {
      throw new FaultException(new Fault.Unavailable(Fault.Dependency.IDENTITY, missing, RETRY));
    }
    return there;
  }

  @Override
  public Agent attest(Peer peer) {
    return there().attest(peer);
  }

  @Override
  public boolean knows(Peer peer) {
    Attestor there = made;
    return there != null && there.knows(peer);
  }

  @Override
  public Optional<Agent> lastKnown(Peer peer) {
    return Optional.ofNullable(made).flatMap(there -> there.lastKnown(peer));
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    return there().whenGone(agent, then);
  }

  @Override
  public Svid svidOf(Agent agent) {
    return there().svidOf(agent);
  }

  @Override
  public void close() {
    closed = true;
    making.interrupt();
    Attestor there = made;
    if (there != null) {
      there.close();
    }
  }
}
