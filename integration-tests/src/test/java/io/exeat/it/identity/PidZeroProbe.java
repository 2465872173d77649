package io.exeat.it.identity;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Door;
import io.exeat.attest.Issuer;
import io.exeat.attest.LocalAttestor;
import io.exeat.attest.Peer;
import io.exeat.attest.brokerapi.BrokerApi;
import io.exeat.attest.delegated.DelegatedIdentity;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.identity.IdPattern;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.exeat.identity.workload.WorkloadIdentity;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * A broker, its issuer and its door in a PID namespace of their own: says of whoever connects what
 * the kernel and the modes that ask by PID say.
 */
public final class PidZeroProbe {
  private static final SpiffeId OWN = SpiffeIds.parse("own", "spiffe://example.org/broker");
  private static final SpiffeId AGENT = SpiffeIds.parse("agent", "spiffe://example.org/agent/a");

  private PidZeroProbe() {}

  /** With a folder, in which it puts {@code door.sock}. */
  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    Time time = new Time(Clock.systemUTC(), System::nanoTime);
    int self = Math.toIntExact(ProcessHandle.current().pid());
    try (SpiffeTransport transport = new SpiffeTransport();
        DevelopmentAuthority authority =
            new DevelopmentAuthority(
                    new DevelopmentConfig(
                        folder.resolve("issuer"),
                        OWN.getTrustDomain(),
                        Set.of(OWN),
                        // Whoever is asked about by the PID of this process, or by 0, is the agent.
                        List.of(Entry.ofPid(OWN, self), Entry.ofPid(AGENT, 0))),
                    transport,
                    time)
                .start();
        WorkloadIdentity identity =
            new WorkloadIdentity(
                    new IdentityConfig(authority.workloadSocket(), OWN, "", Duration.ofSeconds(20)),
                    transport,
                    time)
                .await();
        Door door = new Door(folder.resolve("door.sock"), transport.loop())) {
      System.out.println("ready");
      Peer.Local peer = door.next();
      System.out.println("pid " + peer.pid());
      SpiffeTls tls = new SpiffeTls(identity, time);
      Duration within = AttestConfig.Timing.USUAL.within();
      for (Issuer issuer :
          List.of(
              new BrokerApi(authority.brokerSocket(), OWN.getTrustDomain(), tls, transport, within),
              new DelegatedIdentity(authority.adminSocket(), transport, within))) {
        try (LocalAttestor attestor =
            new LocalAttestor(
                issuer,
                new IdPattern("spiffe://example.org/agent/*"),
                AttestConfig.Timing.USUAL,
                transport,
                time)) {
          System.out.println("attested as " + attestor.attest(peer));
        } catch (FaultException e) {
          System.out.println(e.fault());
        }
      }
    }
    System.exit(0);
  }
}
