package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Attests processes by what it was told of their uid; processes die by {@link #kill}. */
public final class InMemoryAttestor implements Attestor {
  private final Map<Integer, SpiffeId> identities = new HashMap<>();
  private final Map<String, List<Consumer<String>>> watchers = new HashMap<>();
  private final List<String> dead = new ArrayList<>();
  private final Map<String, Agent> attested = new HashMap<>();
  private boolean isAway;

  /** Processes of this uid have this identity from now on. */
  public synchronized void identify(int uid, SpiffeId id) {
    identities.put(uid, id);
  }

  /** From now on nobody answers who anybody is, or somebody does again. */
  public synchronized void away(boolean now) {
    isAway = now;
  }

  /** Processes that were attested are not known any more, until they are again. */
  public synchronized void forget() {
    attested.clear();
  }

  /** A process. */
  public Peer.Local process(int uid, int pid) {
    String key = "process " + pid;
    return new Peer.Local(
        pid,
        uid,
        uid + 1,
        1,
        new ProcessHold() {
          @Override
          public boolean alive() {
            return !isDead(key);
          }

          @Override
          public String key() {
            return key;
          }

          @Override
          public Subscription onDeath(Runnable then) {
            throw new UnsupportedOperationException("this attestor tells of deaths by whenGone");
          }
        });
  }

  /** The process dies. */
  public void kill(Peer.Local process) {
    List<Consumer<String>> told;
    synchronized (this) {
      dead.add(process.process().key());
      List<Consumer<String>> watching = watchers.remove(process.process().key());
      told = watching == null ? List.of() : watching;
    }
    told.forEach(watcher -> watcher.accept("the process is gone"));
  }

  @Override
  public synchronized Agent attest(Peer peer) {
    if (isAway) {
      throw new FaultException(
          new Fault.Unavailable(Fault.Dependency.IDENTITY, "it is away", Duration.ofSeconds(1)));
    }
    if (!(peer instanceof Peer.Local local)
        || !local.process().alive()
        || identities.get(local.uid()) == null) {
      throw new FaultException(new Fault.Unattested("no identity"));
    }
    SpiffeId id = identities.get(local.uid());
    if (id == null) {
      throw new FaultException(new Fault.Unattested("no identity"));
    }
    Agent agent = new Agent(id, local.process().key());
    attested.put(local.process().key(), agent);
    return agent;
  }

  @Override
  public synchronized Optional<Agent> lastKnown(Peer peer) {
    return peer instanceof Peer.Local local && local.process().alive()
        ? Optional.ofNullable(attested.get(local.process().key()))
        : Optional.empty();
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    if (isDead(agent.instance())) {
      then.accept("the process is gone");
      return () -> {};
    }
    synchronized (this) {
      watchers.computeIfAbsent(agent.instance(), key -> new ArrayList<>()).add(then);
    }
    return () -> stop(agent.instance(), then);
  }

  @Override
  public Svid svidOf(Agent agent) {
    throw new FaultException(new Fault.Unattested("no SVID in memory"));
  }

  @Override
  public void close() {}

  private synchronized boolean isDead(String key) {
    return dead.contains(key);
  }

  private synchronized void stop(String instance, Consumer<String> then) {
    List<Consumer<String>> watching = watchers.get(instance);
    if (watching != null) {
      watching.remove(then);
    }
  }
}
