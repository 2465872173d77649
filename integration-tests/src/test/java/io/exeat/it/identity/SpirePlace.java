package io.exeat.it.identity;

import io.exeat.attest.AgentProcess;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Attestor;
import io.exeat.attest.AttestorContract;
import io.exeat.attest.Door;
import io.exeat.attest.Issuer;
import io.exeat.attest.LocalAttestor;
import io.exeat.attest.TestProcess;
import io.exeat.attest.brokerapi.BrokerApi;
import io.exeat.attest.delegated.DelegatedIdentity;
import io.exeat.attest.workloadapi.PodAgent;
import io.exeat.identity.IdPattern;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.it.environment.Spire;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** A real SPIRE behind a mode; agents run as a uid of their own, so this needs root. */
final class SpirePlace implements AttestorContract.Place {
  static final SpiffeId OWN = SpiffeIds.parse("own", "spiffe://example.org/host/h1/broker");
  static final SpiffeId AGENT =
      SpiffeIds.parse("agent", "spiffe://example.org/host/h1/agent/summarizer");
  static final int AGENT_UID = 41001;
  static final int STRANGER_UID = 41002;

  enum Mode {
    BROKER_API,
    DELEGATED,
    WORKLOAD_API;

    /** Whether SPIRE is asked about the agent's own process. */
    boolean isByPid() {
      return this != WORKLOAD_API;
    }
  }

  /** What lasts from test to test. */
  static final class Entries {
    final Spire spire;
    private final Duration life;
    private final List<String> agentSelectors;
    private String agent;

    private Entries(Spire spire, Duration life, List<String> agentSelectors, String agent) {
      this.spire = spire;
      this.life = life;
      this.agentSelectors = agentSelectors;
      this.agent = agent;
    }

    /** The agent's matches its processes, as on a host. */
    static Entries ofProcesses(Spire spire, Duration life) {
      var _ = TestProcess.asUid(AGENT_UID);
      Map<String, String> made =
          spire.entries(
              Map.of(
                  "BROKER_UID", "" + TestProcess.uid(),
                  "BROKER_PATH", AgentProcess.java().toString(),
                  "AGENT_UID", "" + AGENT_UID,
                  "AGENT_PATH", AgentProcess.java().toString(),
                  "X509_TTL", "" + life.toSeconds()));
      if (!made.keySet().equals(Set.of(OWN.toString(), AGENT.toString()))) {
        throw new AssertionError("entries.json made " + made);
      }
      return new Entries(
          spire,
          life,
          List.of("unix:uid:" + AGENT_UID, "unix:path:" + AgentProcess.java()),
          Objects.requireNonNull(made.get(AGENT.toString())));
    }

    /**
     * The agent's matches the broker's process and more, as one of a whole pod does; the broker's
     * own matches it alone, as one of a container. The agent's process is in neither.
     */
    static Entries ofPod(Spire spire, Duration life) {
      var _ = TestProcess.asUid(AGENT_UID);
      String pod = "unix:uid:" + TestProcess.uid();
      var _ = spire.entry(OWN.toString(), life, "broker", pod, "unix:path:" + AgentProcess.java());
      Entries entries = new Entries(spire, life, List.of(pod), "");
      entries.agent = entries.entitle();
      return entries;
    }

    private String entitle() {
      return spire.entry(AGENT.toString(), life, "agent", agentSelectors.toArray(String[]::new));
    }
  }

  final WorkloadIdentity identity;
  final SpiffeTls tls;
  private final Entries entries;
  private final Door door;
  private final Attestor attestor;
  private final Path folder;

  SpirePlace(Mode mode, Entries entries, SpiffeTransport transport, AttestConfig.Timing timing) {
    this.entries = entries;
    Spire spire = entries.spire;
    IdentityConfig own = new IdentityConfig(spire.workloadSocket(), OWN, "broker", Spire.PATIENCE);
    this.identity = new WorkloadIdentity(own, transport, TestTime.real()).await();
    this.tls = new SpiffeTls(identity, TestTime.real());
    try {
      this.folder = Files.createTempDirectory("door");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var _ = folder.toFile().setExecutable(true, false);
    this.door = new Door(folder.resolve("door.sock"), transport.loop());
    Issuer issuer =
        switch (mode) {
          case BROKER_API ->
              new BrokerApi(
                  spire.brokerSocket(), OWN.getTrustDomain(), tls, transport, timing.within());
          case DELEGATED -> new DelegatedIdentity(spire.adminSocket(), transport, timing.within());
          case WORKLOAD_API ->
              new PodAgent(new AttestConfig.WorkloadApi(AGENT, "agent", AGENT_UID), own, identity);
        };
    this.attestor =
        new LocalAttestor(
            issuer,
            new IdPattern("spiffe://example.org/host/h1/agent/*"),
            timing,
            transport,
            TestTime.real());
  }

  @Override
  public Attestor attestor() {
    return attestor;
  }

  @Override
  public Door door() {
    return door;
  }

  @Override
  public AgentProcess agent() {
    return AgentProcess.start(door.socket(), TestProcess.asUid(AGENT_UID), AgentProcess.java());
  }

  @Override
  public AgentProcess stranger() {
    return AgentProcess.start(door.socket(), TestProcess.asUid(STRANGER_UID), AgentProcess.java());
  }

  /** The agent's uid, another executable. */
  AgentProcess imposter(Path java) {
    return AgentProcess.start(door.socket(), TestProcess.asUid(AGENT_UID), java);
  }

  @Override
  public SpiffeId id() {
    return AGENT;
  }

  @Override
  public void withdraw() {
    entries.spire.removeEntry(entries.agent);
  }

  @Override
  public void restore() {
    entries.agent = entries.entitle();
  }

  @Override
  public void restartIssuer() {
    entries.spire.stopAgent();
    entries.spire.startAgent();
  }

  @Override
  public Duration patience() {
    return Spire.PATIENCE;
  }

  @Override
  public void close() {
    attestor.close();
    door.close();
    identity.close();
    for (Path file : List.of(folder.resolve("door.sock"), folder)) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
