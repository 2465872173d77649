package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.credential.Certificates;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Stage;
import io.exeat.v1.ListRequest;
import io.exeat.v1.Task;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** With the broker in the sidecar. */
final class ACertificateEndsOnAListIT extends CertificateScenarios {
  ACertificateEndsOnAListIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }

  @Test
  void whatAKilledBrokerLentIsOnTheListWhenItStartsAgain() throws Exception {
    try (Deployment own = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE))) {
      Certificates lent;
      try (Client agent = own.client()) {
        Task task = agent.open(Stage.TLS);
        lent = read(agent.issue(task, Stage.TLS).getCertificate());
      }
      own.broker().kill();
      assertThat(list(stage).getRevokedCertificate(lent.own().getSerialNumber())).isNull();
      own.broker().begin();
      own.awaitServing();
      try (Client operator = own.operator()) {
        await()
            .atMost(Duration.ofSeconds(20))
            .until(
                () -> operator.admin().list(ListRequest.getDefaultInstance()).getTasksCount() == 0);
      }
      assertThat(list(stage).getRevokedCertificate(lent.own().getSerialNumber())).isNotNull();
    }
  }
}
