package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

@NullMarked
final class OtherUsersTest {
  private static final int OWN = 1002;

  private final List<String> asked = new ArrayList<>();
  private final InMemoryAttestor processes = new InMemoryAttestor();

  /** Takes anybody. */
  private final Issuer anybody =
      new Issuer() {
        @Override
        public void admit(Peer.Local peer) {
          asked.add("admit " + peer.uid());
        }

        @Override
        public Subscription watch(Peer.Local peer, Answers answers) {
          asked.add("watch " + peer.uid());
          return () -> {};
        }

        @Override
        public String state() {
          return "anybody";
        }

        @Override
        public void close() {
          asked.add("close");
        }
      };

  @Test
  void theBrokersOwnUserIsTurnedAwayBeforeTheIssuerIsAsked() {
    Issuer issuer = new OtherUsers(anybody, OWN);

    assertThatThrownBy(() -> issuer.admit(processes.process(OWN, 4711)))
        .isInstanceOfSatisfying(
            FaultException.class,
            e ->
                assertThat(e.fault())
                    .isEqualTo(
                        new Fault.Unattested(
                            "the process runs as uid 1002, which is the broker's own: run the agent"
                                + " as another user, or set attestation.unsafe-same-user")));
    assertThat(asked).isEmpty();
  }

  @Test
  void othersAreTheIssuersToJudge() {
    Issuer issuer = new OtherUsers(anybody, OWN);
    Peer.Local agent = processes.process(1001, 4711);
    issuer.admit(agent);
    Subscription _ = issuer.watch(agent, new Nobody());
    issuer.close();

    assertThat(asked).containsExactly("admit 1001", "watch 1001", "close");
    assertThat(issuer.state()).isEqualTo("anybody");
  }

  private static final class Nobody implements Issuer.Answers {
    @Override
    public void entitled(List<io.exeat.identity.Svid> svids) {}

    @Override
    public void refused(String why) {}

    @Override
    public void interrupted(String why) {}
  }
}
