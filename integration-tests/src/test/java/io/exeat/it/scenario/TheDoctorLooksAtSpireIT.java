package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.SpireStage;
import io.exeat.it.environment.Stage;
import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** With a real SPIRE; it knows agents by their uid, so only a root can run it. */
@SuppressWarnings("NullAway.Init")
final class TheDoctorLooksAtSpireIT {
  private static SpireStage spire;

  @BeforeAll
  static void start() {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    spire = SpireStage.start(Stage.get());
  }

  @AfterAll
  static void stop() {
    if (spire != null) {
      spire.close();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BROKER_API", "DELEGATED"}) // the others ask about no process
  void anEntryIsSeenAndItsAbsence(SpireStage.Mode mode) throws IOException {
    Doctor doctor = new Doctor(Stage.get(), Exeat.asOperator());
    try (Deployment deployment =
            Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, spire.place(mode)));
        AgentProcess agent = AgentProcess.start(deployment.socket(), Optional.of(OtherUser.AGENT));
        AgentProcess stranger =
            AgentProcess.start(deployment.socket(), Optional.of(OtherUser.STRANGER))) {
      String yaml = deployment.broker().configuration();
      Said said = doctor.look(yaml, "--pid", Integer.toString(agent.pid()));
      assertThat(said.code()).as("%s", said).isZero();
      assertThat(said.out())
          .contains(
              "ok      svid " + Stage.BROKER, "ok      pid-namespace: that of the SPIRE agent")
          .contains("ok      agent-entry process " + agent.pid() + ": is " + Stage.AGENT);

      assertThat(doctor.wrong(yaml, "--pid", Integer.toString(stranger.pid())))
          .containsOnlyKeys("agent-entry process " + stranger.pid())
          .allSatisfy((_, seen) -> assertThat(seen).contains("spire-server entry create"));
    }
  }
}
