package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Stage;
import io.spiffe.spiffeid.SpiffeId;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code --to}: an agent with an SVID of its own, at a broker that it names. */
final class TheCommandLineOverTcpIT extends Scenarios {
  TheCommandLineOverTcpIT() {
    super(Deployment.Form.RELAYED);
  }

  private Said open(Exeat exeat, String... more) {
    String[] words = {
      "task",
      "open",
      "--intent",
      "answer-ticket",
      "-p",
      "ticket=4711",
      "--scope",
      Stage.READ,
      "--json",
      "--to",
      deployment.address()
    };
    return exeat.run(with(more, words));
  }

  @Test
  void anAgentBringsItsOwnSvid() {
    Said opened = open(Exeat.overTcp(Stage.AGENT));
    assertThat(opened.code()).as("%s", opened).isZero();
    assertThat(opened.json().path("agent").asText()).isEqualTo(Stage.AGENT.toString());
  }

  @Test
  void whoeverDoesNotSayWhoItIsIsTold() {
    Said nobody =
        open(
            Exeat.asOurselves(Stage.AGENT)
                .with("EXEAT_BROKER_ID", Stage.BROKER)
                .with("EXEAT_SPIFFE_WORKLOAD_API", stage.authority().workloadSocket()));
    assertThat(nobody.code()).as("%s", nobody).isEqualTo(2);
    assertThat(nobody.json().at("/error/reason").asText()).isEqualTo("CONFIGURATION");
    assertThat(nobody.err()).contains("spiffe.id: is missing").doesNotContain("attestation");
    Said whom = open(Exeat.overTcp(Stage.AGENT).with("EXEAT_BROKER_ID", ""));
    assertThat(whom.code()).as("%s", whom).isEqualTo(2);
    assertThat(whom.err()).contains("--broker-id", "EXEAT_BROKER_ID");
  }

  @Test
  void nobodyButTheNamedBrokerIsBelieved() {
    Said other = open(Exeat.overTcp(Stage.AGENT), "--broker-id", Stage.SIDECAR.toString());
    assertThat(other.code()).as("%s", other).isEqualTo(3);
    assertThat(other.json().at("/error/exitCode").asInt()).isEqualTo(3);
  }

  @Test
  void oneOperatorStopsAnAgentAndTwoRestoreIt() {
    Exeat here = Exeat.asOperator().with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket());
    String[] whom = {"--agent", Stage.AGENT.toString(), "--reason", "talks to strangers"};
    try {
      Said killed = here.run(with(whom, "kill"));
      assertThat(killed.code()).as("%s", killed).isZero();
      assertThat(killed.out()).contains("stopped: " + Stage.AGENT);
      assertThat(open(Exeat.overTcp(Stage.AGENT)).json().at("/error/reason").asText())
          .isEqualTo("DENIED");
      assertThat(here.run("kill", "--list").out()).contains(Stage.AGENT + "  since ");

      Said nobody = here.run(with(whom, "unkill"));
      assertThat(nobody.code()).as("%s", nobody).isEqualTo(1);
      assertThat(nobody.err()).contains("each over mTLS with an SVID of its own");
      assertThat(nobody.err().lines()).hasSize(1);
      Exeat ada = Exeat.overTcp(Stage.OPERATORS.getFirst());
      Exeat grace = Exeat.overTcp(Stage.OPERATORS.getLast());
      String[] restore = with(whom, "unkill", "--to", deployment.address());
      Said first = ada.run(restore);
      assertThat(first.code()).as("%s", first).isEqualTo(4);
      assertThat(first.out()).contains("another operator must ask too");
      assertThat(ada.run(restore).code()).isEqualTo(4);
      Said second = grace.run(restore);
      assertThat(second.code()).as("%s", second).isZero();
      assertThat(second.out()).contains("restored");
      assertThat(here.run("kill", "--list").out()).isEmpty();
      Said again = open(Exeat.overTcp(Stage.AGENT));
      assertThat(again.code()).as("%s", again).isZero();
    } finally {
      // Its entity in Vault is one for all scenarios.
      var _ = stage.vault().call("POST", "identity/entity/name/clerk", Map.of("disabled", false));
    }
  }

  private static String[] with(String[] more, String... words) {
    return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void whoIsNoAgentGetsNothing() {
    Said refused = open(Exeat.overTcp(SpiffeId.parse("spiffe://example.org/host/h1/visitor")));
    assertThat(refused.code()).as("%s", refused).isNotZero();
    assertThat(refused.json().has("error")).isTrue();
    assertThat(outside.roles()).isEmpty();
  }
}
