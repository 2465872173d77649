package io.exeat.attest;

import io.exeat.attest.brokerapi.BrokerApi;
import io.exeat.attest.delegated.DelegatedIdentity;
import io.exeat.attest.workloadapi.PodAgent;
import io.exeat.base.Time;
import io.exeat.identity.IdPattern;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.exeat.identity.workload.WorkloadIdentity;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.NullMarked;

/** The development authority behind each mode, in this process; agents are told apart by PID. */
@NullMarked
final class DevelopmentPlace implements AttestorContract.Place {
  static final SpiffeId OWN = SpiffeIds.parse("id", "spiffe://example.org/host/h1/broker");
  static final SpiffeId AGENT = SpiffeIds.parse("id", "spiffe://example.org/host/h1/agent/a");
  static final AttestConfig.Timing TIMING =
      new AttestConfig.Timing(Duration.ofSeconds(3), Duration.ofSeconds(30));

  enum Mode {
    BROKER_API,
    DELEGATED,
    WORKLOAD_API
  }

  final DevelopmentAuthority authority;
  final WorkloadIdentity identity;
  private final Mode mode;
  private final Door door;
  private final Attestor attestor;
  private final List<Entry> entries = new ArrayList<>();

  DevelopmentPlace(Mode mode, Path directory, SpiffeTransport transport) {
    this(mode, directory, transport, TIMING);
  }

  DevelopmentPlace(
      Mode mode, Path directory, SpiffeTransport transport, AttestConfig.Timing timing) {
    this(mode, directory, transport, timing, TestTime.real());
  }

  DevelopmentPlace(
      Mode mode, Path directory, SpiffeTransport transport, AttestConfig.Timing timing, Time time) {
    this.mode = mode;
    int self = (int) ProcessHandle.current().pid();
    this.authority =
        new DevelopmentAuthority(
                new DevelopmentConfig(
                    directory, OWN.getTrustDomain(), Set.of(OWN), List.of(Entry.ofPid(OWN, self))),
                transport,
                TestTime.real())
            .start();
    if (mode == Mode.WORKLOAD_API) {
      entries.add(Entry.ofPid(AGENT, self).withHint("agent"));
      entries.forEach(authority::add);
    }
    IdentityConfig own =
        new IdentityConfig(authority.workloadSocket(), OWN, "", Duration.ofSeconds(10));
    this.identity = new WorkloadIdentity(own, transport, TestTime.real()).await();
    // Agents of other users must get through to the door.
    var _ = directory.toFile().setExecutable(true, false);
    this.door = new Door(directory.resolve("door.sock"), transport.loop());
    SpiffeTls tls = new SpiffeTls(identity, TestTime.real());
    Issuer issuer =
        switch (mode) {
          case BROKER_API ->
              new BrokerApi(
                  authority.brokerSocket(), OWN.getTrustDomain(), tls, transport, timing.within());
          case DELEGATED ->
              new DelegatedIdentity(authority.adminSocket(), transport, timing.within());
          case WORKLOAD_API ->
              new PodAgent(new AttestConfig.WorkloadApi(AGENT, "agent", uid()), own, identity);
        };
    this.attestor =
        new LocalAttestor(
            issuer, new IdPattern("spiffe://example.org/host/h1/agent/*"), timing, transport, time);
  }

  /** As the kernel has it, which Java does not say. */
  private static int uid() {
    return TestProcess.uid();
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
    AgentProcess process = AgentProcess.start(door.socket());
    if (mode != Mode.WORKLOAD_API) {
      Entry entry = Entry.ofPid(AGENT, process.pid());
      entries.add(entry);
      authority.add(entry);
    }
    return process;
  }

  @Override
  public AgentProcess stranger() {
    // In a pod the stranger is told by its uid, which takes root to have.
    return mode == Mode.WORKLOAD_API
        ? AgentProcess.start(door.socket(), TestProcess.asUid(4242), AgentProcess.java())
        : AgentProcess.start(door.socket());
  }

  @Override
  public SpiffeId id() {
    return AGENT;
  }

  @Override
  public void withdraw() {
    entries.forEach(authority::remove);
  }

  @Override
  public void restore() {
    entries.forEach(authority::add);
  }

  /** From now on nobody can be asked. */
  void stopIssuer() {
    authority.stop();
  }

  @Override
  public void restartIssuer() {
    authority.stop();
    authority.rotate();
    authority.start();
  }

  @Override
  public Duration patience() {
    return Duration.ofSeconds(10);
  }

  @Override
  public void close() {
    attestor.close();
    door.close();
    identity.close();
    authority.close();
  }
}
