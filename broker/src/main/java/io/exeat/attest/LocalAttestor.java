package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Attests processes on the Unix socket through an {@link Issuer}: one {@link Vouched} for each
 * process that has an identity, none for those that have not.
 */
public final class LocalAttestor implements Attestor {
  private final Issuer issuer;
  private final Vouched.Terms terms;
  private final Map<String, Vouched> vouched = new ConcurrentHashMap<>();

  /**
   * Takes {@code issuer} over and closes it.
   *
   * @param agents whom it may answer with
   */
  public LocalAttestor(
      Issuer issuer,
      Predicate<SpiffeId> agents,
      AttestConfig.Timing timing,
      SpiffeTransport transport,
      Time time) {
    this.issuer = issuer;
    this.terms = new Vouched.Terms(issuer, agents, timing, transport, time);
  }

  @Override
  public Agent attest(Peer peer) {
    if (!(peer instanceof Peer.Local local)) {
      throw new FaultException(
          new Fault.Unattested("this attestation mode serves processes on the Unix socket only"));
    }
    issuer.admit(local);
    if (!local.process().alive()) {
      throw exited();
    }
    Vouched process =
        vouched.compute(
            local.process().key(),
            (key, known) -> known == null || known.isGone() ? begin(key, local) : known);
    Svid svid = process.svidNow();
    // The identity is of this PID; the process has had the PID all along if it has it still.
    if (!local.process().alive()) {
      process.end("the process has exited");
      throw exited();
    }
    return new Agent(svid.id(), instance(local));
  }

  @Override
  public boolean knows(Peer peer) {
    if (!(peer instanceof Peer.Local local)) {
      return false;
    }
    Vouched process = vouched.get(local.process().key());
    return process != null && process.isFresh();
  }

  private Vouched begin(String key, Peer.Local peer) {
    Vouched process = new Vouched(peer, terms);
    var _ = process.whenGone(_ -> vouched.remove(key, process));
    return process;
  }

  private static String instance(Peer.Local peer) {
    return "process " + peer.process().key();
  }

  private static FaultException exited() {
    return new FaultException(new Fault.Unattested("the process at the other end has exited"));
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    Vouched process = of(agent);
    if (process == null) {
      Once already = new Once();
      var _ = already.happen("the agent is no longer attested");
      return already.then(then);
    }
    return process.whenGone(then);
  }

  @Override
  public Svid svidOf(Agent agent) {
    Vouched process = of(agent);
    if (process == null) {
      throw new FaultException(new Fault.Unattested("the agent is no longer attested"));
    }
    return process.svidNow();
  }

  private @Nullable Vouched of(Agent agent) {
    String key =
        agent.instance().startsWith("process ")
            ? agent.instance().substring("process ".length())
            : "";
    Vouched process = vouched.get(key);
    return process != null && process.isOf(agent.id()) ? process : null;
  }

  @Override
  public void close() {
    vouched.values().forEach(process -> process.end("the broker stops"));
    issuer.close();
  }
}
