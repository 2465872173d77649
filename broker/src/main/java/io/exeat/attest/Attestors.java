package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import java.util.Optional;
import java.util.function.Consumer;

/** Sends each peer to the mode for its kind; whom a door vouches for needs none. */
public final class Attestors implements Attestor {
  /** What {@link Agent#instance} is for an agent over mTLS, or begins with when it has a name. */
  public static final String MTLS = "mtls";

  /** What {@link Agent#instance} is for a {@link Peer.Vouched}. */
  public static final String VOUCHED = "vouched";

  private final Optional<Attestor> local;
  private final Optional<Attestor> mtls;

  /** Takes both over and closes them. */
  public Attestors(Optional<Attestor> local, Optional<Attestor> mtls) {
    this.local = local;
    this.mtls = mtls;
  }

  @Override
  public Agent attest(Peer peer) {
    return switch (peer) {
      case Peer.Local _ -> served(local, "Unix socket").attest(peer);
      case Peer.Tls _ -> served(mtls, "mTLS").attest(peer);
      case Peer.Vouched it -> new Agent(it.id(), VOUCHED);
    };
  }

  @Override
  public boolean knows(Peer peer) {
    return switch (peer) {
      case Peer.Local _ -> local.map(mode -> mode.knows(peer)).orElse(false);
      case Peer.Tls _ -> mtls.map(mode -> mode.knows(peer)).orElse(false);
      case Peer.Vouched _ -> true;
    };
  }

  @Override
  public Optional<Agent> lastKnown(Peer peer) {
    return switch (peer) {
      case Peer.Local _ -> local.flatMap(mode -> mode.lastKnown(peer));
      case Peer.Tls _ -> mtls.flatMap(mode -> mode.lastKnown(peer));
      case Peer.Vouched _ -> Optional.of(attest(peer));
    };
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    if (agent.instance().equals(VOUCHED)) {
      return () -> {}; // no instance of it is known, and no task is bound to one
    }
    return of(agent).whenGone(agent, then);
  }

  @Override
  public Svid svidOf(Agent agent) {
    return of(agent).svidOf(agent);
  }

  private Attestor of(Agent agent) {
    if (agent.instance().equals(VOUCHED)) {
      throw new FaultException(new Fault.Unattested("no SVID is known of whom a token names"));
    }
    return agent.instance().startsWith(MTLS) ? served(mtls, "mTLS") : served(local, "Unix socket");
  }

  private static Attestor served(Optional<Attestor> mode, String kind) {
    return mode.orElseThrow(
        () -> new FaultException(new Fault.Unattested("no attestation mode serves " + kind)));
  }

  @Override
  public void close() {
    local.ifPresent(Attestor::close);
    mtls.ifPresent(Attestor::close);
  }
}
