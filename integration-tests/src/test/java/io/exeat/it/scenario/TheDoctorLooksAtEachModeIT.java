package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Stage;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * What the doctor sees of agents depends on how they are attested, and of the broker on the form.
 */
final class TheDoctorLooksAtEachModeIT extends Scenarios {
  TheDoctorLooksAtEachModeIT() {
    super(Deployment.Form.RELAYED);
  }

  /** The broker's configuration, with another way to attest. */
  private String attesting(String attestation) {
    return deployment
        .broker()
        .configuration()
        .replaceAll("attestation: .*", "attestation: {" + attestation + "}");
  }

  private Doctor asBroker() {
    return new Doctor(stage, Exeat.asOurselves(Stage.BROKER));
  }

  private String delegated() {
    return attesting(
        "mode: delegated, socket: %s, agents: \"spiffe://example.org/host/h1/agent/*\""
            .formatted(stage.authority().adminSocket()));
  }

  @Test
  void agentsThatBringTheirOwnAreSeenWhereTheyRun() throws IOException {
    Said said = asBroker().look(deployment.broker().configuration());
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.out())
        .contains("ok      pid-namespace: no PIDs are sent")
        .contains("unseen  agent-entry clerk: over mTLS it brings an SVID of its own")
        .contains("        -> where it runs: spire-agent api fetch x509");
  }

  @Test
  void thePodsAgentIsSeenBesideOurselves() throws IOException {
    String yaml = attesting("mode: workload-api, agent: \"%s\", uid: 4711".formatted(Stage.AGENT));
    Said said = new Doctor(stage, Exeat.asOurselves(Stage.BROKER).and(Stage.AGENT)).look(yaml);
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.out())
        .contains("ok      pid-namespace: no PIDs are sent in mode workload-api")
        .contains("ok      agent-entry " + Stage.AGENT + ": valid until ");

    Map<String, String> wrong = asBroker().wrong(yaml);
    assertThat(wrong).containsOnlyKeys("agent-entry " + Stage.AGENT);
    assertThat(wrong.get("agent-entry " + Stage.AGENT))
        .contains(
            "the Workload API gives no X.509-SVID of %1$s -> register %1$s".formatted(Stage.AGENT));
  }

  @Test
  void aDelegateAsksByProcess() throws IOException {
    String self = Long.toString(ProcessHandle.current().pid());
    Said said = asBroker().look(delegated(), "--pid", self);
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.out())
        .contains("ok      attestation " + stage.authority().adminSocket() + ": somebody listens")
        .contains("ok      pid-namespace: that of the SPIRE agent")
        .contains("ok      agent-entry process " + self + ": is " + Stage.AGENT);
  }

  @Test
  void anotherPidNamespaceIsFound() throws IOException {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can make a PID namespace");
    Map<String, String> wrong =
        new Doctor(stage, Exeat.asOurselves(Stage.BROKER).inAPidNamespace()).wrong(delegated());
    assertThat(wrong).containsOnlyKeys("pid-namespace ");
    assertThat(wrong.get("pid-namespace "))
        .contains("is in another PID namespace than this broker -> run this broker in the PID");
  }

  @Test
  void aRelayThatIsAwayOrAnotherIsFound() throws IOException {
    String yaml = deployment.front().configuration();
    Doctor doctor = new Doctor(stage, Exeat.asOurselves(Stage.SIDECAR));
    Said said = doctor.look(yaml);
    assertThat(said.code()).as("%s", said).isZero();
    assertThat(said.out())
        .containsPattern("ok +relay 127.0.0.1:[0-9]+: " + Stage.BROKER + " is SERVING")
        .doesNotContain("vault");

    Map<String, String> away =
        doctor.wrong(yaml.replaceAll("to: \"[^\"]*\"", "to: \"127.0.0.1:1\""));
    assertThat(away).containsOnlyKeys("relay 127.0.0.1:1");
    assertThat(away.get("relay 127.0.0.1:1"))
        .contains("no answer of " + Stage.BROKER, "-> start the broker there");

    Map<String, String> another =
        doctor.wrong(yaml.replaceAll("broker: \"[^\"]*\"", "broker: \"" + Stage.OTHER + "\""));
    assertThat(another).hasSize(1);
    assertThat(another.values().iterator().next())
        .contains("no answer of " + Stage.OTHER, "compare relay.broker");
  }
}
