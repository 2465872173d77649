package io.exeat.attest.mtls;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.Agent;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Attestor;
import io.exeat.attest.Attestors;
import io.exeat.attest.Connections;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The agent is whom its X.509-SVID names, verified anew for each call, and of its instances the one
 * that the connection says. An instance is present while one connection of it stands whose SVID
 * still verifies, and for the grace after that; what has no name is one instance.
 */
public final class MtlsAttestor implements Attestor {
  private final AttestConfig.Mtls config;
  private final SpiffeTls tls;
  private final Connections connections;
  private final SpiffeTransport transport;
  private final Time time;
  private final List<Subscription> sources;

  @GuardedBy("this")
  private final Map<Agent, Map<Object, Consumer<String>>> waiting = new HashMap<>();

  /** On the monotonic clock: until when an absent agent may come back. */
  @GuardedBy("this")
  private final Map<Agent, Long> absentUntil = new HashMap<>();

  @GuardedBy("this")
  private @Nullable ScheduledFuture<?> nextEnd;

  /** Leaves {@code source} open when closed. */
  public MtlsAttestor(
      AttestConfig.Mtls config,
      SpiffeTls tls,
      IdentitySource source,
      Connections connections,
      SpiffeTransport transport,
      Time time) {
    this.config = config;
    this.tls = tls;
    this.connections = connections;
    this.transport = transport;
    this.time = time;
    Runnable look = () -> lookAfter(Duration.ZERO);
    this.sources = List.of(connections.onChange(look), source.onChange(look));
  }

  @Override
  public Agent attest(Peer peer) {
    if (!(peer instanceof Peer.Tls client)) {
      throw new FaultException(new Fault.Unattested("attestation mode mtls serves mTLS only"));
    }
    Agent agent = verified(client);
    if (!config.agents().test(agent.id())) {
      throw new FaultException(
          new Fault.Unattested(agent.id() + " is not an agent that may come here"));
    }
    return agent;
  }

  private Agent verified(Peer.Tls client) {
    SpiffeId id = tls.verify(client.chain());
    return new Agent(
        id, client.instance().map(name -> Attestors.MTLS + " " + name).orElse(Attestors.MTLS));
  }

  /** Verifying is computing: at most some milliseconds, after a bundle has changed. */
  @Override
  public boolean knows(Peer peer) {
    return peer instanceof Peer.Tls;
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    Object ticket = new Object();
    synchronized (this) {
      waiting.computeIfAbsent(agent, _ -> new LinkedHashMap<>()).put(ticket, then);
    }
    look();
    return () -> forget(agent, ticket);
  }

  private synchronized void forget(Agent agent, Object ticket) {
    Map<Object, Consumer<String>> of = waiting.get(agent);
    if (of != null && of.remove(ticket) != null && of.isEmpty()) {
      waiting.remove(agent);
      absentUntil.remove(agent);
    }
  }

  @Override
  public Svid svidOf(Agent agent) {
    throw new FaultException(
        new Fault.Unattested("an agent that comes over mTLS keeps its X.509-SVID to itself"));
  }

  /** Who is present, who has been absent for too long, and when to look again. */
  private void look() {
    Set<Agent> present = new HashSet<>();
    List<Instant> ends = new ArrayList<>();
    for (Peer.Tls connection : connections.open()) {
      try {
        present.add(verified(connection));
        ends.add(connection.chain().getFirst().getNotAfter().toInstant());
      } catch (FaultException e) {
        // It stands, but as nobody.
      }
    }
    List<Consumer<String>> told = new ArrayList<>();
    synchronized (this) {
      for (Agent agent : List.copyOf(waiting.keySet())) {
        if (present.contains(agent)) {
          absentUntil.remove(agent);
        } else if (absentUntil.putIfAbsent(agent, time.after(config.grace())) == null) {
          lookAfter(config.grace());
        } else if (time.reached(absentUntil.get(agent))) {
          absentUntil.remove(agent);
          told.addAll(waiting.getOrDefault(agent, Map.of()).values());
          waiting.remove(agent);
        }
      }
      if (!waiting.isEmpty()) {
        Optional<Instant> next = ends.stream().min(Instant::compareTo);
        if (next.isPresent()) {
          lookAt(next.get());
        }
      }
    }
    String why =
        "no connection of the agent has been there for " + config.grace().toMillis() + " ms";
    told.forEach(then -> then.accept(why));
  }

  /** One is enough: it looks for the next end by itself. */
  @GuardedBy("this")
  private void lookAt(Instant end) {
    if (nextEnd != null) {
      var _ = nextEnd.cancel(false);
    }
    nextEnd = transport.after(Duration.between(time.now(), end).plusMillis(20), this::look);
  }

  private void lookAfter(Duration pause) {
    // Past the moment itself, so that it has been reached.
    var _ = transport.after(pause.plusMillis(20), this::look);
  }

  @Override
  public void close() {
    sources.forEach(Subscription::close);
  }
}
