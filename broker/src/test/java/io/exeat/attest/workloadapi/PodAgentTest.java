package io.exeat.attest.workloadapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.TestProcess;
import io.exeat.attest.UnixPeers;
import io.exeat.base.CannotStart;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.TestTime;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.exeat.identity.workload.WorkloadIdentity;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of the SVIDs that a sidecar is given is its agent's. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit calls begin() first
final class PodAgentTest {
  private static final SpiffeId OWN = SpiffeIds.parse("id", "spiffe://td/broker");
  private static final SpiffeId AGENT = SpiffeIds.parse("id", "spiffe://td/agent");
  private static final int PID = Math.toIntExact(ProcessHandle.current().pid());
  private static final Entry BROKER = Entry.ofPid(OWN, PID).withHint("broker");

  @TempDir Path directory;
  private SpiffeTransport transport;
  private DevelopmentAuthority authority;
  private WorkloadIdentity source;

  @BeforeEach
  void begin() {
    transport = new SpiffeTransport();
    authority =
        new DevelopmentAuthority(
                new DevelopmentConfig(directory, OWN.getTrustDomain(), Set.of(), List.of()),
                transport,
                TestTime.real())
            .start();
  }

  @AfterEach
  void end() {
    source.close();
    authority.close();
    transport.close();
  }

  private static Entry agent(String hint) {
    return Entry.ofPid(AGENT, PID).withHint(hint);
  }

  /** As configured, with these entries, of which all are known. */
  private PodAgent started(String ownHint, SpiffeId agent, String hint, Entry... entries) {
    List.of(entries).forEach(authority::add);
    IdentityConfig own =
        new IdentityConfig(authority.workloadSocket(), OWN, ownHint, Duration.ofSeconds(10));
    source = new WorkloadIdentity(own, transport, TestTime.real());
    await()
        .until(
            () -> source.svids(OWN, "").size() + source.svids(AGENT, "").size() == entries.length);
    return new PodAgent(new AttestConfig.WorkloadApi(agent, hint, TestProcess.uid()), own, source);
  }

  private PodAgent started(String hint, Entry... entries) {
    return started("", AGENT, hint, entries);
  }

  /** All that is said of a process, in order: hints, or why there is nobody. */
  private List<String> watched(PodAgent agent) {
    Peer.Local peer = UnixPeers.process(PID, transport.loop().next());
    agent.admit(peer);
    List<String> heard = new CopyOnWriteArrayList<>();
    Subscription _ =
        agent.watch(
            peer,
            new Issuer.Answers() {
              @Override
              public void entitled(List<Svid> svids) {
                heard.add(svids.stream().map(svid -> svid.id() + " " + svid.hint()).toList() + "");
              }

              @Override
              public void refused(String why) {
                heard.add(why);
              }

              @Override
              public void interrupted(String why) {
                heard.add(why);
              }
            });
    return heard;
  }

  @Test
  void theHintPicksOneOfTwo() {
    assertThat(watched(started("two", BROKER, agent("one"), agent("two"), agent(""))))
        .containsExactly("[spiffe://td/agent two]");
  }

  @Test
  void theOnlyOneNeedsNoHint() {
    assertThat(watched(started("", BROKER, agent("one"))))
        .containsExactly("[spiffe://td/agent one]");
  }

  @Test
  void anotherHintIsNobodys() {
    assertThat(watched(started("agent", BROKER, agent("other"), agent(""))))
        .singleElement()
        .asString()
        .startsWith(
            "the Workload API gives no X.509-SVID of spiffe://td/agent with the hint 'agent'")
        .contains("of attestation.hint, only with")
        .contains("'other'", "(none)");
  }

  @Test
  void twoWithoutAHintRefuseTheStart() {
    assertThatThrownBy(() -> started("", BROKER, agent("one"), agent("two")))
        .isInstanceOf(CannotStart.class)
        .hasMessageContainingAll("2 X.509-SVIDs of spiffe://td/agent", "'one'", "'two'")
        .hasMessageContaining("Set attestation.hint to the hint of the right one, or delete");
  }

  @Test
  void twoOfTheSameHintRefuseTheStart() {
    // No two selectors alike, or it would be one entry.
    Entry wider = Entry.ofUid(AGENT, TestProcess.uid()).withHint("agent");
    assertThatThrownBy(() -> started("agent", BROKER, agent("agent"), wider))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining(
            "2 X.509-SVIDs of spiffe://td/agent, with the hints 'agent' and 'agent'")
        .hasMessageContaining("Give their registration entries different hints");
  }

  @Test
  void twoOfTheBrokersOwnRefuseTheStart() {
    Entry second = Entry.ofPid(OWN, PID).withHint("sidecar");
    assertThatThrownBy(() -> started("", BROKER, second, agent("agent")))
        .isInstanceOf(CannotStart.class)
        .hasMessageContainingAll("2 X.509-SVIDs of spiffe://td/broker", "'broker'", "'sidecar'")
        .hasMessageContaining("Set spiffe.hint");
  }

  @Test
  void theBrokersHintPicksItsOwn() {
    Entry second = Entry.ofPid(OWN, PID).withHint("sidecar");
    assertThat(watched(started("sidecar", AGENT, "", BROKER, second, agent("agent"))))
        .containsExactly("[spiffe://td/agent agent]");
  }

  @Test
  void anAgentThatIsTheBrokerRefusesTheStart() {
    assertThatThrownBy(() -> started("", OWN, "", BROKER))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("the agent's SPIFFE ID, attestation.agent, is the broker's own")
        .hasMessageContaining("registration entry of its own");
  }

  @Test
  void withoutAnOwnSvidNothingIsKnownYet() {
    assertThatThrownBy(() -> started("", agent("agent")))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class));
  }

  @Test
  void aSecondThatComesLaterEndsItUntilItGoes() {
    List<String> heard = watched(started("", BROKER, agent("one")));
    Entry second = agent("two");
    authority.add(second);
    await()
        .untilAsserted(() ->
            assertThat(heard.getLast())
                .startsWith("the Workload API gives 2 X.509-SVIDs of spiffe://td/agent")
                .contains("'one'", "'two'", "none of them is taken", "Set attestation.hint"));
    authority.remove(second);
    await().untilAsserted(() -> assertThat(heard.getLast()).isEqualTo("[spiffe://td/agent one]"));
  }
}
