package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.identity.development.Entry;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The clerk, whose ceiling holds a writing grant, as an agent of the tier {@code read-only}: policy
 * keeps it to what reads, the database's own grants prove it, and its tasks may be long.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AReadOnlyAgentOnlyReadsIT {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final String NO_PRIVILEGE = "42501";

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final Deployment deployment =
      Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withCatalogue(catalogue()));
  private final Client client = deployment.client();

  /** As all scenarios have it, but for the clerk's tier and the longest task of the reader's. */
  private Path catalogue() {
    try {
      String usual = Files.readString(stage.catalogue());
      int reader = usual.indexOf("  reader:\n");
      String changed =
          usual.substring(0, reader).replace("  clerk:\n", "  clerk:\n    tier: read-only\n")
              + usual.substring(reader).replaceFirst("max-lifetime: 10m", "max-lifetime: 4m");
      return Files.writeString(stage.newFolder("catalogue").resolve("catalogue.yaml"), changed);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @AfterAll
  void close() {
    client.close();
    deployment.close();
    outside.close();
  }

  @Test
  void aGrantThatWritesIsDeniedWhereverItIsAskedFor() {
    Task task = client.open(Stage.READ);
    for (Runnable ask :
        List.<Runnable>of(
            () -> client.open(Stage.WRITE),
            () -> client.open(Stage.READ, Stage.WRITE),
            () -> client.openWith(Stage.WRITE),
            () ->
                client
                    .tasks()
                    .changeScope(
                        ChangeScopeRequest.newBuilder()
                            .setTaskId(task.getId())
                            .setEpoch(task.getEpoch())
                            .addAllScope(List.of(Stage.READ, Stage.WRITE))
                            .build()))) {
      Refusal refused = Refusal.of(ask);
      assertThat(refused.reason()).isEqualTo("DENIED");
      assertThat(refused.fields().get("because")).contains("no policy permits it");
    }
    assertThat(Refusal.of(() -> client.issue(task, Stage.WRITE)).reason())
        .isEqualTo("OUT_OF_SCOPE");
    assertThat(outside.leases(Stage.WRITE)).isEmpty();
    complete(task);
  }

  @Test
  void whatItIsLentReadsAndTheDatabaseItselfRefusesTheRest() throws SQLException {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    try (Connection session = outside.session(credential.getDatabase());
        Statement statement = session.createStatement()) {
      try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM orders")) {
        assertThat(rows.next()).isTrue();
        assertThat(rows.getInt(1)).isEqualTo(2);
      }
      for (String write :
          List.of(
              "INSERT INTO orders VALUES (4713, 'Mallory', 'sent')",
              "UPDATE orders SET state = 'refunded' WHERE id = 4711",
              "DELETE FROM orders WHERE id = 4711",
              "TRUNCATE orders",
              "CREATE TABLE mine (id int)",
              "CREATE TEMP TABLE mine (id int)",
              "SELECT count(*) FROM payroll")) {
        assertThat(state(statement, write)).as(write).isEqualTo(NO_PRIVILEGE);
      }
    }
    complete(task);
    outside.requireDead(task.getId());
  }

  @Test
  void itsTaskMayBeLongerThanThatOfAStandardAgent() {
    OpenRequest ask = Client.asking(Stage.READ).setLifetime(Client.seconds(LONG)).build();

    Task task = client.tasks().open(ask);

    assertThat(task.getDeadline().getSeconds() - task.getOpenedAt().getSeconds())
        .isBetween(LONG.toSeconds() - 1, LONG.toSeconds() + 1);
    complete(task);
    try (AgentProcess standard = AgentProcess.start(deployment.socket(), Optional.empty())) {
      stage.authority().add(Entry.ofPid(Stage.OTHER, standard.pid()));
      assertThat(standard.does("open " + Stage.READ)) // for 5 minutes
          .startsWith("refused PERMISSION_DENIED OUTSIDE_CEILING")
          .contains("lifetime");
    }
  }

  private void complete(Task task) {
    var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private static String state(Statement statement, String sql) {
    try {
      return "done: " + statement.execute(sql);
    } catch (SQLException e) {
      return String.valueOf(e.getSQLState());
    }
  }
}
