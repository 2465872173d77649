package io.exeat.it.identity;

import io.exeat.attest.Agent;
import io.exeat.attest.AttestConfig;
import io.exeat.attest.Door;
import io.exeat.attest.Issuer;
import io.exeat.attest.LocalAttestor;
import io.exeat.attest.Peer;
import io.exeat.attest.brokerapi.BrokerApi;
import io.exeat.attest.delegated.DelegatedIdentity;
import io.exeat.attest.workloadapi.PodAgent;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A broker, its issuer and its door in a PID namespace of their own: says of whoever connects what
 * the kernel and the modes say.
 */
public final class PidZeroProbe {
  private static final SpiffeId OWN = SpiffeIds.parse("own", "spiffe://example.org/broker");
  private static final SpiffeId AGENT = SpiffeIds.parse("agent", "spiffe://example.org/agent/a");

  private PidZeroProbe() {}

  /**
   * With a folder, in which it puts {@code door.sock}; and with the agent's uid, when it is to be
   * the sidecar of a pod instead of one that asks by PID.
   */
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
                        List.of(
                            Entry.ofPid(OWN, self),
                            Entry.ofPid(AGENT, self),
                            Entry.ofPid(AGENT, 0))),
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
      if (arguments.length > 1) {
        PodAgent agents =
            new PodAgent(
                new AttestConfig.WorkloadApi(AGENT, "", Integer.parseInt(arguments[1])),
                new IdentityConfig(authority.workloadSocket(), OWN, "", Duration.ofSeconds(20)),
                identity);
        try (LocalAttestor attestor =
            new LocalAttestor(agents, AGENT::equals, AttestConfig.Timing.USUAL, transport, time)) {
          inAPod(attestor, door, peer);
        }
        System.exit(0);
      }
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

  /** One that connects, is hung up on, connects again and dies; and somebody else. */
  private static void inAPod(LocalAttestor attestor, Door door, Peer.Local first)
      throws InterruptedException {
    Agent agent = attestor.attest(first);
    System.out.println("attested as " + agent.id());
    CountDownLatch gone = new CountDownLatch(1);
    Subscription _ =
        attestor.whenGone(
            agent,
            why -> {
              System.out.println("gone: " + why);
              gone.countDown();
            });
    door.hangUp();
    System.out.println("hung up");
    Peer.Local again = door.next();
    System.out.println(
        "again " + again.pid() + ", the same: " + attestor.attest(again).equals(agent));
    if (!gone.await(20, TimeUnit.SECONDS)) {
      System.out.println("nobody is gone");
    }
    say(attestor, again);
    say(attestor, door.next());
  }

  private static void say(LocalAttestor attestor, Peer.Local peer) {
    try {
      System.out.println("attested as " + attestor.attest(peer));
    } catch (FaultException e) {
      System.out.println(e.fault());
    }
  }
}
