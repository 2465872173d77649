package io.exeat.app;

import io.exeat.attest.Peer;
import io.exeat.audit.AuditEvent;
import io.exeat.base.CannotStart;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.config.ConfigException;
import io.exeat.flow.Status;
import io.exeat.flow.Vitals;
import io.exeat.gateway.grpc.BrokerServices;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.Served;
import io.exeat.gateway.grpc.Serving;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.UnixDoor;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.gateway.metrics.MetricsDoor;
import io.exeat.gateway.relay.Relay;
import io.exeat.identity.Svid;
import io.exeat.task.EndCause;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of the process. The Unix doors open first and answer with what is missing; identity,
 * journal, audit and Vault come up behind them.
 */
final class Sidecar implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Sidecar.class);
  private static final Duration END_WITHIN = Duration.ofSeconds(8);
  private static final Duration TICK = Duration.ofMillis(100);

  private final BrokerConfig config;
  private final Time time;
  private final Instant startedAt;
  private final long startedTick;
  private final Closing closing = new Closing();
  private final Serving serving = new Serving();
  private final FrontDesk front = new FrontDesk(this::vitals);
  private final DoorParts parts;

  /** Theirs alone: to see and to end waits for no agent's calls. */
  private final DoorParts operators;

  private volatile @Nullable Party party;
  private volatile @Nullable Engine engine;
  private volatile @Nullable McpGateway mcp;
  private volatile boolean stopped;

  private Sidecar(BrokerConfig config, Time time) {
    this.config = config;
    this.time = time;
    this.startedAt = time.now();
    this.startedTick = time.after(Duration.ZERO);
    ExecutorService calls =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("call-", 0).factory());
    closing.later(calls::shutdownNow);
    this.parts = new DoorParts(Loops.of("exeat-door", 2, closing), calls, serving, Limits.DEFAULT);
    this.operators =
        new DoorParts(Loops.of("exeat-operators", 1, closing), calls, serving, Limits.DEFAULT);
  }

  /**
   * Opens the Unix doors; they serve when this returns.
   *
   * @throws IOException when a socket's place cannot be had
   */
  static Sidecar open(BrokerConfig config, Time time) throws IOException {
    Sidecar sidecar = new Sidecar(config, time);
    try {
      sidecar.openDoors();
      return sidecar;
    } catch (IOException | RuntimeException e) {
      sidecar.closing.close();
      throw e;
    }
  }

  private void openDoors() throws IOException {
    Served served =
        switch (config.form()) {
          case BrokerConfig.AllInOne _ -> BrokerServices.forAgents(front, this::knows);
          case BrokerConfig.Relayed relayed -> relay(relayed);
        };
    for (UnixDoorConfig one : config.agentDoors()) {
      closing.later(UnixDoor.forAgents(one, served, parts));
    }
    closing.later(UnixDoor.forOperators(config.admin(), front, operators));
    if (config.metrics().isPresent()) {
      closing.later(
          MetricsDoor.open(config.metrics().get(), () -> Engine.measured(engine, vitals())));
    }
  }

  private boolean knows(Peer peer) {
    Party there = party;
    return there != null && there.attestor().knows(peer);
  }

  private Served relay(BrokerConfig.Relayed relayed) {
    Party made = Party.make(config, time, closing);
    party = made;
    Relay relay =
        closing.later(
            new Relay(relayed.relay(), made.attestor(), made.tls(), parts.loops(), parts.calls()));
    serving.set(true);
    return relay.served();
  }

  /**
   * Brings up what is behind the doors and keeps it going until {@link #close}.
   *
   * @throws CannotStart or {@link ConfigException}: then it is to be closed
   */
  void run() throws IOException {
    if (config.form() instanceof BrokerConfig.AllInOne here) {
      front.waitsFor("starting: identity, journal, audit chain and catalogue are not there yet");
      Party made = Party.make(config, time, closing);
      party = made;
      Engine broker = Engine.make(config, here, made, this::vitals, time, closing);
      engine = broker;
      front.serve(broker.office().broker(), broker.office().uses(), broker.office().desk());
      if (config.mcp().isPresent()) {
        Optional<String> group = config.socket().group();
        mcp = McpGateway.open(config.mcp().get(), group, broker, made, front, parts, time, closing);
      }
      listen(made);
      here.extAuthz()
          .ifPresent(
              new EnvoyDoor(config, made, broker.catalogue(), front, parts, time, closing)::open);
      LOG.info("Serving {} and {}", config.socket().socket(), config.admin().socket());
      keep(broker, made);
    } else {
      LOG.info("Relaying {}", config.socket().socket());
      while (!stopped) {
        Objects.requireNonNull(party).check();
        pause(TICK.multipliedBy(10));
      }
    }
  }

  private void listen(Party made) {
    if (config.listen().isEmpty()) {
      return;
    }
    // The door's TLS needs our SVID; the others do not wait for it.
    Thread.ofVirtual().name("mtls door").start(() -> openTls(made));
  }

  private void openTls(Party made) {
    while (!stopped) {
      try {
        closing.later(
            TlsDoor.open(
                config.listen().orElseThrow(),
                made.tls(),
                made.connections(),
                BrokerServices.forAgents(front, this::knows),
                front,
                parts));
        LOG.info("Serving mTLS on {}", config.listen().get().address());
        return;
      } catch (FaultException e) {
        pause(TICK);
      } catch (IOException | IllegalStateException e) {
        LOG.error("The mTLS door cannot be opened", e);
        return;
      }
    }
  }

  private void keep(Engine broker, Party made) {
    for (long tick = 0; !stopped; tick++) {
      made.check();
      try {
        broker.office().sweeper().tick();
        if (tick % 10 == 0) {
          broker.catalogue().look();
          broker.policy().look();
          Optional.ofNullable(mcp).ifPresent(McpGateway::look);
        }
        serving.set(!front.isStopping() && isComplete(broker));
      } catch (RuntimeException e) { // a defect must not stop deadlines from being kept
        LOG.error("A tick failed", e);
      }
      pause(TICK);
    }
  }

  private boolean isComplete(Engine broker) {
    return own().isPresent()
        && broker.backend().health().available()
        && broker.journal().problem().isEmpty()
        && broker.audit().problem().isEmpty();
  }

  private Optional<Svid> own() {
    Party there = party;
    if (there == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(there.identity().svid());
    } catch (FaultException e) {
      return Optional.empty();
    }
  }

  private Vitals vitals() {
    Optional<Svid> own = own();
    List<Status.Dependency> all = new ArrayList<>();
    all.add(
        new Status.Dependency(
            "identity",
            own.isPresent()
                ? Optional.empty()
                : Optional.of(
                    "no X.509-SVID of "
                        + config.identity().id()
                        + " at "
                        + config.identity().socket()
                        + ": is SPIRE there, and a registration entry for this process?"),
            startedAt));
    Party who = party;
    if (who != null) {
      who.mode()
          .ifPresent(
              mode -> all.add(new Status.Dependency("attestation", mode.problem(), startedAt)));
    }
    Engine there = engine;
    if (there != null) {
      all.add(Status.Dependency.of("vault", there.backend().health()));
      all.add(new Status.Dependency("journal", there.journal().problem(), startedAt));
      all.add(new Status.Dependency("audit", there.audit().problem(), startedAt));
      all.add(new Status.Dependency("catalogue", there.catalogue().problem(), startedAt));
      McpGateway tools = mcp;
      if (tools != null) {
        all.add(new Status.Dependency("mcp", tools.problem(), startedAt));
      }
      all.add(Status.Dependency.of("policy", there.policy().health()));
      there
          .verifiers()
          .forEach((name, verifier) -> all.add(Status.Dependency.of(name, verifier.health())));
    }
    return new Vitals(
        Own.version(),
        own.map(svid -> svid.id().toString()),
        own.map(Svid::notAfter),
        time.since(startedTick),
        all,
        Optional.ofNullable(there).map(it -> it.policy().status()));
  }

  /**
   * Lets no more work in, ends every task and waits, bounded, until all is proven dead: what an
   * agent holds dies with its sidecar. What is not proven by then is in the journal, for the next
   * start.
   */
  @Override
  public void close() {
    front.stop();
    serving.stop();
    Engine there = engine;
    if (there != null) {
      there.office().endAll(EndCause.BROKER_STOPPED, "the broker stops");
      long until = time.after(END_WITHIN);
      while (!there.office().isIdle() && !time.reached(until)) {
        pause(TICK.dividedBy(5));
      }
      there.audit().recordEnding(new AuditEvent.BrokerStopped("it was told to stop"));
    }
    stopped = true;
    closing.close();
  }

  private static void pause(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
