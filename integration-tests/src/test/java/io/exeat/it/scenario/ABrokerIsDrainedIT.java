package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * As docs/kubernetes.md has a broker replaced: with no intent in the catalogue nothing is opened
 * any more, what is open goes on to its end, and then the broker stops and ends no task.
 */
final class ABrokerIsDrainedIT {
  private static final Duration SOON = Duration.ofSeconds(20);

  private final Stage stage = Stage.get();

  @ParameterizedTest
  @EnumSource(Deployment.Form.class)
  void whatIsOpenGoesOnToItsEndAndTheNextBrokerServes(Deployment.Form form) throws Exception {
    Path catalogue = stage.newFolder("drain").resolve("catalogue.yaml");
    String usual = Files.readString(stage.catalogue());
    Files.writeString(catalogue, usual);
    try (Outside outside = new Outside(stage);
        Deployment deployment =
            Deployment.start(Deployment.Plan.of(form).withCatalogue(catalogue));
        Client agent = deployment.client()) {
      Task open = agent.open(Stage.READ);

      replace(catalogue, usual.replace("intents: [answer-ticket]", "intents: []"));

      Awaitility.await()
          .atMost(SOON)
          .untilAsserted(() ->
              assertThat(Refusal.of(() -> end(agent, agent.open(Stage.READ))).reason())
                  .isEqualTo("OUTSIDE_CEILING"));
      Credential credential = agent.issue(open, Stage.READ);
      assertThat(outside.login(credential.getDatabase())).isEmpty();
      assertThat(tasksOpen(deployment)).isEqualTo(1);

      end(agent, open);
      Awaitility.await()
          .atMost(SOON)
          .untilAsserted(() -> assertThat(tasksOpen(deployment)).isZero());
      assertThat(deployment.broker().terminate()).isZero();
      assertThat(causes(deployment)).isNotEmpty().containsOnly("COMPLETED");

      replace(catalogue, usual);
      deployment.broker().begin();
      deployment.awaitServing();
      // A relay finds out by itself that its broker is back; until then its agent is told to try
      // again.
      Awaitility.await()
          .atMost(SOON)
          .ignoreExceptionsInstanceOf(StatusRuntimeException.class)
          .untilAsserted(() -> end(agent, agent.open(Stage.READ)));
    }
  }

  /** Another file in its place, as a kubelet does it. */
  private static void replace(Path catalogue, String text) throws Exception {
    Path next = Files.writeString(catalogue.resolveSibling("next"), text);
    Files.move(next, catalogue, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void end(Client agent, Task task) {
    var _ = agent.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private static int tasksOpen(Deployment deployment) {
    Said said =
        Exeat.asOperator()
            .with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket())
            .run("status", "--json");
    assertThat(said.code()).as("%s", said).isZero();
    return said.json().path("tasksOpen").asInt();
  }

  /** Why each task of the audit chain began to end. */
  private static List<String> causes(Deployment deployment) {
    return Exeat.asOperator()
        .run("audit", "show", "--folder", deployment.broker().audit().toString())
        .out()
        .lines()
        .filter(it -> it.contains("task.ending"))
        .map(it -> it.replaceAll(".* cause=(\\w+) .*", "$1"))
        .toList();
  }
}
