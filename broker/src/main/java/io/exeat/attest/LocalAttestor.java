package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.netty.util.concurrent.Future;
import io.spiffe.spiffeid.SpiffeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Attests processes on the Unix socket through an {@link Issuer}: one {@link Vouched} for each
 * process that has an identity, none for those that have not.
 *
 * <p>Each costs a pidfd and a stream at the issuer. So one that no task depends on is given up when
 * it has not asked for a while, and a uid can have a limited number of them.
 */
public final class LocalAttestor implements Attestor {
  /** Processes of one uid that are vouched for at a time. */
  static final int PER_UID = 256;

  private static final long SWEEP_SECONDS = 10;

  private final Issuer issuer;
  private final Terms terms;
  private final Map<String, Vouched> vouched = new ConcurrentHashMap<>();
  private final Map<Integer, Integer> perUid = new ConcurrentHashMap<>();
  private final Future<?> sweeping;

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
    this.terms = new Terms(issuer, agents, timing, transport, time);
    this.sweeping =
        transport
            .loop()
            .scheduleWithFixedDelay(this::sweep, SWEEP_SECONDS, SWEEP_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public Agent attest(Peer peer) {
    if (!(peer instanceof Peer.Local local)) {
      throw new FaultException(
          new Fault.Unattested("this attestation mode serves processes on the Unix socket only"));
    }
    issuer.admit(local);
    Vouched before = vouched.get(local.process().key());
    // Nobody is asked about one that has exited; what is known already is looked at below.
    if ((before == null || before.isGone()) && !local.process().alive()) {
      throw exited();
    }
    Vouched process =
        vouched.compute(
            local.process().key(),
            (key, known) -> known == null || known.isGone() ? begin(key, local) : known.touch());
    Svid svid = process.svidNow(!WouldWait.isLoop());
    // The identity is of this PID; the process has had the PID all along if it has it still. The
    // peer's own hold would not tell: it is let go with the connection, which may have closed.
    if (!process.isAlive()) {
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

  @Override
  public Optional<Agent> lastKnown(Peer peer) {
    return peer instanceof Peer.Local local
        ? Optional.ofNullable(vouched.get(local.process().key()))
            .filter(Vouched::isAlive)
            .flatMap(Vouched::lastSvid)
            .map(svid -> new Agent(svid.id(), instance(local)))
        : Optional.empty();
  }

  private Vouched begin(String key, Peer.Local peer) {
    var _ =
        perUid.merge(
            peer.uid(),
            1,
            (has, one) -> {
              if (has >= PER_UID) {
                throw new FaultException(
                    new Fault.Exhausted("attested processes of one user", PER_UID));
              }
              return has + one;
            });
    Vouched process = new Vouched(peer, terms);
    process.onEnd(() -> forget(key, process));
    // Its connection may have closed before the process was held: then others begin anew.
    if (!process.isAlive()) {
      process.end("the process has exited");
      throw exited();
    }
    return process;
  }

  private void forget(String key, Vouched process) {
    var _ = vouched.remove(key, process);
    var _ = perUid.computeIfPresent(process.uid(), (_, has) -> has > 1 ? has - 1 : null);
  }

  /** Gives up those that are idle. */
  void sweep() {
    for (String key : vouched.keySet()) {
      List<Vouched> idle = new ArrayList<>(1);
      var _ =
          vouched.computeIfPresent(
              key,
              (_, process) -> {
                if (!process.isIdle()) {
                  return process;
                }
                idle.add(process);
                return null;
              });
      idle.forEach(process -> process.end("nothing depends on it, and it has not asked lately"));
    }
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
    return process.svidNow(true);
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
    sweeping.cancel(false);
    vouched.values().forEach(process -> process.end("the broker stops"));
    issuer.close();
  }
}
