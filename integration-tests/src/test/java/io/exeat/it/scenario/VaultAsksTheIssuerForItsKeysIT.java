package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.SpireStage;
import io.exeat.it.environment.Stage;
import io.exeat.v1.DatabaseLogin;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * SPIRE's own OIDC discovery provider, as {@code spire-config/} has it, between a real SPIRE and a
 * real OpenBao: nobody brings keys.
 */
final class VaultAsksTheIssuerForItsKeysIT {

  @Test
  void aBrokerLogsInAndATaskGetsItsCredential() throws Exception {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    Stage stage = Stage.get();
    Outside outside = new Outside(stage);
    try (SpireStage spire = SpireStage.start(stage)) {
      Stage.Place place = spire.discovered(SpireStage.Mode.BROKER_API);
      OpenBao.Reply method = stage.vault().call("GET", "auth/spire-oidc/config", Map.of());
      assertThat(method.data().path("oidc_discovery_url").asText())
          .isEqualTo(spire.issuer().toString());
      assertThat(method.data().path("bound_issuer").asText()).isEqualTo(spire.issuer().toString());
      assertThat(method.data().path("jwt_validation_pubkeys")).isEmpty();

      try (Deployment broker =
              Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, place));
          AgentProcess agent = AgentProcess.start(broker.socket(), Optional.of(OtherUser.AGENT))) {
        String task = agent.may("open " + Stage.READ).getFirst();
        DatabaseLogin login = agent.lent(task, Stage.READ);
        assertThat(outside.login(login)).isEmpty();
        assertThat(agent.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
        outside.requireDead(task);
      }
    }
  }
}
