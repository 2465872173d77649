package io.exeat.it.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.AgentProcess;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Connections;
import io.exeat.attest.Peer;
import io.exeat.attest.TestProcess;
import io.exeat.attest.mtls.MtlsAttestor;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.identity.IdPattern;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.it.environment.Spire;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Two real trust domains: an agent of the other one comes over mTLS. */
final class SpireFederationIT {
  private static final SpiffeId BROKER =
      SpiffeIds.parse("own", "spiffe://example.org/host/h1/broker");
  private static final SpiffeId PARTNER =
      SpiffeIds.parse("agent", "spiffe://partner.example/host/h1/agent/summarizer");
  private static final Duration LIFE = Duration.ofHours(1);

  @Test
  void anAgentOfAnotherTrustDomainNeedsItsOwnBundleAndAConfiguredPattern() throws Exception {
    int ourPort = Spire.freePort();
    int theirPort = Spire.freePort();
    try (Spire ours =
            Spire.start(
                "example.org",
                Optional.of(new Spire.Partner("partner.example", ourPort, theirPort)));
        Spire theirs =
            Spire.start(
                "partner.example",
                Optional.of(new Spire.Partner("example.org", theirPort, ourPort)));
        SpiffeTransport transport = new SpiffeTransport()) {
      String[] selectors = {"unix:uid:" + TestProcess.uid(), "unix:path:" + AgentProcess.java()};
      String alone = ours.entry(BROKER.toString(), LIFE, "broker", selectors);
      var _ = theirs.entry(PARTNER.toString(), LIFE, "agent", selectors);
      try (WorkloadIdentity broker = identity(ours, BROKER, "broker", transport);
          WorkloadIdentity partner = identity(theirs, PARTNER, "agent", transport);
          MtlsAttestor own = attestor("spiffe://example.org/host/h1/agent/*", broker, transport);
          MtlsAttestor both =
              attestor("spiffe://partner.example/host/h1/agent/*", broker, transport)) {
        Peer.Tls peer = new Peer.Tls(partner.svid().chain(), 1);
        refused(both, peer);

        // Known to the server, not to the broker's entry.
        ours.federate("partner.example", theirs.bundle());
        refused(both, peer);

        ours.removeEntry(alone);
        var _ =
            ours.entry(BROKER.toString(), LIFE, "broker", List.of("partner.example"), selectors);
        long since = System.nanoTime();
        await()
            .atMost(Spire.PATIENCE.multipliedBy(2))
            .ignoreExceptions()
            .until(() -> both.attest(peer).id().equals(PARTNER));
        System.out.printf(
            "federation: accepted %d ms after the entry federates%n",
            Duration.ofNanos(System.nanoTime() - since).toMillis());
        refused(own, peer);
        // Of our own trust domain, it is judged by our own bundle still.
        assertThat(new SpiffeTls(broker, TestTime.real()).verify(broker.svid().chain()))
            .isEqualTo(BROKER);

        // From now on the servers tell each other: nobody brings the next authority.
        assertThat(partnersAuthorities(ours)).isEqualTo(1);
        var _ = theirs.server("localauthority", "x509", "prepare");
        await()
            .atMost(Spire.PATIENCE)
            .until(() -> {
              var _ = ours.server("federation", "refresh", "-id", "spiffe://partner.example");
              return partnersAuthorities(ours) == 2;
            });
      }
    }
  }

  private static int partnersAuthorities(Spire spire) {
    return spire
            .server("bundle", "list", "-id", "spiffe://partner.example")
            .split("BEGIN CERTIFICATE", -1)
            .length
        - 1;
  }

  private static void refused(MtlsAttestor attestor, Peer.Tls peer) {
    assertThatThrownBy(() -> attestor.attest(peer))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));
  }

  private static WorkloadIdentity identity(
      Spire spire, SpiffeId id, String hint, SpiffeTransport transport) {
    return new WorkloadIdentity(
            new IdentityConfig(spire.workloadSocket(), id, hint, Spire.PATIENCE),
            transport,
            TestTime.real())
        .await();
  }

  private static MtlsAttestor attestor(
      String agents, WorkloadIdentity broker, SpiffeTransport transport) {
    return new MtlsAttestor(
        new AttestConfig.Mtls(new IdPattern(agents)),
        new SpiffeTls(broker, TestTime.real()),
        broker,
        new Connections(),
        transport,
        TestTime.real());
  }
}
