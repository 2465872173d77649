package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialState;
import io.exeat.v1.EndCause;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.WatchRequest;
import io.grpc.Status;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The life of a task as its agent leads it. */
abstract class LeaveScenarios extends Scenarios {
  LeaveScenarios(Deployment.Form form) {
    super(form);
  }

  @Test
  void aCredentialIsIssuedUsedAndDeadWhenTheTaskIsCompleted() throws SQLException {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);

    assertThat(outside.roles(task.getId())).containsExactly(credential.getDatabase().getUsername());
    assertThat(outside.leases(Stage.READ)).hasSize(1);
    assertThat(outside.tokens(task.getId())).containsExactly("token-" + task.getId() + "-e1");
    try (Connection session = outside.session(credential.getDatabase());
        Statement statement = session.createStatement()) {
      assertThat(statement.execute("SELECT state FROM orders")).isTrue();
      assertThat(
              catchState(() -> statement.execute("UPDATE orders SET state = 'x' WHERE id = 4711")))
          .isEqualTo("42501");
      Task ended = complete(task);

      assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      assertThat(ended.getEndCause()).isEqualTo(EndCause.END_CAUSE_COMPLETED);
      assertThat(Outside.answers(session)).isFalse();
    }
    assertThat(outside.login(credential.getDatabase())).startsWith("28");
    outside.requireDead(task.getId());
    outside.requireNothingLent();
  }

  @Test
  void aTaskComesWithItsFirstCredentialInOneCall() throws SQLException {
    OpenRequest ask = Client.asking(Stage.READ, Stage.WRITE).setIssue(Stage.READ).build();
    Task task = client.tasks().open(ask);
    try (Connection session = outside.session(task.getIssued().getDatabase());
        Statement statement = session.createStatement()) {
      assertThat(statement.execute("SELECT state FROM orders")).isTrue();
      assertThat(client.tasks().open(ask)).isEqualTo(task);
      assertThat(outside.roles(task.getId())).hasSize(1);
      assertThat(get(task).hasIssued()).isFalse();
      Refusal other =
          Refusal.of(() -> client.tasks().open(ask.toBuilder().setIssue(Stage.WRITE).build()));
      assertThat(other.reason()).isEqualTo("IDEMPOTENCY_CONFLICT");
      var _ = complete(task);
      assertThat(Outside.answers(session)).isFalse();
    }
    assertThat(outside.login(task.getIssued().getDatabase())).startsWith("28");
    Refusal late = Refusal.of(() -> client.tasks().open(ask));
    assertThat(late.reason()).isEqualTo("TASK_ENDED");
    Refusal beside =
        Refusal.of(
            () -> client.tasks().open(Client.asking(Stage.READ).setIssue(Stage.WRITE).build()));
    assertThat(beside.reason()).isEqualTo("MALFORMED");
    outside.requireDead(task.getId());
    outside.requireNothingLent();
  }

  @Test
  void aCancelledTaskIsAsDeadAndSaysThatItWasCancelled() {
    Task task = client.open(Stage.READ, Stage.WRITE);
    Credential read = client.issue(task, Stage.READ);
    Credential write = client.issue(task, Stage.WRITE);
    CancelRequest cancel =
        CancelRequest.newBuilder().setTaskId(task.getId()).setNote("not needed").build();

    Task ended = client.tasks().cancel(cancel);

    assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    assertThat(ended.getEndCause()).isEqualTo(EndCause.END_CAUSE_CANCELLED);
    assertThat(ended.getCredentialsList())
        .extracting(it -> it.getState())
        .containsOnly(CredentialState.CREDENTIAL_STATE_REVOKED);
    assertThat(client.tasks().cancel(cancel).getEndedAt()).isEqualTo(ended.getEndedAt());
    assertThat(outside.login(read.getDatabase())).startsWith("28");
    assertThat(outside.login(write.getDatabase())).startsWith("28");
    outside.requireDead(task.getId());
    outside.requireNothingLent();
  }

  @Test
  void aNewScopeIsNotThereBeforeTheOldCredentialIsDead() throws SQLException {
    Task task = client.open(Stage.READ);
    Credential old = client.issue(task, Stage.READ);
    try (Connection session = outside.session(old.getDatabase())) {
      Task widened = client.tasks().changeScope(scope(task, Stage.READ, Stage.WRITE));

      assertThat(widened.getEpoch()).isEqualTo(2);
      assertThat(widened.getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
      // Nothing was issued yet: whatever there is would be the old one.
      assertThat(outside.roles(task.getId())).isEmpty();
      assertThat(outside.login(old.getDatabase())).startsWith("28");
      assertThat(Outside.answers(session)).isFalse();
    }
    Refusal late = Refusal.of(() -> client.credentials().issue(issue(task, Stage.READ, 1)));
    assertThat(late.reason()).isEqualTo("EPOCH_CLOSED");
    Credential write = client.issue(task, Stage.WRITE);
    try (Connection session = outside.session(write.getDatabase());
        Statement statement = session.createStatement()) {
      assertThat(statement.executeUpdate("UPDATE orders SET state = 'seen' WHERE id = 4711"))
          .isEqualTo(1);
    }
    Task narrowed = client.tasks().changeScope(scope(get(task), Stage.READ));
    assertThat(narrowed.getEpoch()).isEqualTo(3);
    assertThat(outside.login(write.getDatabase())).startsWith("28");
    Refusal refusal = Refusal.of(() -> client.issue(task, Stage.WRITE));
    assertThat(refusal.reason()).isEqualTo("OUT_OF_SCOPE");
    assertThat(outside.roles()).isEmpty();
    var _ = complete(task);
    outside.requireDead(task.getId());
  }

  @Test
  void aReleasedCredentialIsDeadAndTheTaskGoesOn() {
    Task task = client.open(Stage.READ);
    Credential first = client.issue(task, Stage.READ);
    Credential second = client.issue(task, Stage.READ);
    ReleaseRequest release =
        ReleaseRequest.newBuilder().setTaskId(task.getId()).setCredentialId(first.getId()).build();

    assertThat(client.credentials().release(release).getProvenDead()).isTrue();

    assertThat(outside.login(first.getDatabase())).startsWith("28");
    assertThat(outside.login(second.getDatabase())).isEmpty();
    assertThat(outside.leases(Stage.READ)).hasSize(1);
    assertThat(get(task).getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
    var _ = complete(task);
    outside.requireNothingLent();
  }

  @Test
  void theDeadlineEndsTheTaskAndWhatItHolds() throws SQLException {
    Duration lifetime = Duration.ofMillis(1500);
    long opened = System.nanoTime();
    Task task =
        client
            .tasks()
            .open(Client.asking(Stage.READ).setLifetime(Client.seconds(lifetime)).build());
    Credential credential = client.issue(task, Stage.READ);
    try (Connection session = outside.session(credential.getDatabase())) {
      Duration dead = outside.awaitDead(task.getId(), opened, SOON);
      assertThat(dead).isBetween(lifetime, lifetime.plusSeconds(2));
      assertThat(Outside.answers(session)).isFalse();
    }
    await().atMost(SOON).until(() -> hasEnded(task));
    assertThat(get(task).getEndCause()).isEqualTo(EndCause.END_CAUSE_EXPIRED);
    assertThat(outside.login(credential.getDatabase())).startsWith("28");
    outside.requireDead(task.getId());
  }

  @Test
  void aCredentialOutlivesItsLeaseWhileTheTaskLives() {
    Task task = client.open(Stage.READ);
    Credential credential = client.issue(task, Stage.READ);
    var first = credential.getExpiresAt();

    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> get(task).getCredentials(0).getExpiresAt().getSeconds() > first.getSeconds());

    assertThat(outside.login(credential.getDatabase())).isEmpty();
    var _ = complete(task);
    assertThat(outside.login(credential.getDatabase())).startsWith("28");
  }

  @Test
  void aRepeatedRequestGivesTheSameAndAnotherOneIsRefused() {
    OpenRequest ask = Client.asking(Stage.READ).build();
    Task task = client.tasks().open(ask);
    assertThat(client.tasks().open(ask).getId()).isEqualTo(task.getId());
    Refusal other =
        Refusal.of(() -> client.tasks().open(ask.toBuilder().addScope(Stage.WRITE).build()));
    assertThat(other.code()).isEqualTo(Status.Code.ALREADY_EXISTS);
    assertThat(other.reason()).isEqualTo("IDEMPOTENCY_CONFLICT");
    assertThat(other.fields()).containsEntry("idempotency_key", ask.getIdempotencyKey());

    IssueRequest issue = issue(task, Stage.READ, 1);
    Credential credential = client.credentials().issue(issue);
    assertThat(client.credentials().issue(issue)).isEqualTo(credential);
    assertThat(outside.roles(task.getId())).hasSize(1);
    assertThat(outside.tokens(task.getId())).hasSize(1);
    var _ = complete(task);
  }

  @Test
  void aWatcherSeesEachEpochAndTheEnd() {
    Task task = client.open(Stage.READ);
    Iterator<TaskEvent> events =
        client.tasks().watch(WatchRequest.newBuilder().setTaskId(task.getId()).build());
    assertThat(events.next().getEventCase()).isEqualTo(TaskEvent.EventCase.SNAPSHOT);
    var _ = client.tasks().changeScope(scope(task, Stage.WRITE));
    var _ = complete(task);
    List<TaskEvent.EventCase> seen = new ArrayList<>();
    events.forEachRemaining(event -> seen.add(event.getEventCase()));
    assertThat(seen)
        .containsExactly(
            TaskEvent.EventCase.EPOCH_CLOSED,
            TaskEvent.EventCase.EPOCH_OPENED,
            TaskEvent.EventCase.ENDING,
            TaskEvent.EventCase.ENDED);
  }

  static ChangeScopeRequest scope(Task task, String... grants) {
    return ChangeScopeRequest.newBuilder()
        .setTaskId(task.getId())
        .setEpoch(task.getEpoch())
        .addAllScope(List.of(grants))
        .build();
  }

  private static IssueRequest issue(Task task, String grant, long epoch) {
    return IssueRequest.newBuilder()
        .setTaskId(task.getId())
        .setGrant(grant)
        .setEpoch(epoch)
        .setIdempotencyKey("once")
        .build();
  }

  private interface Sql {
    boolean run() throws SQLException;
  }

  private static String catchState(Sql sql) {
    try {
      return "done: " + sql.run();
    } catch (SQLException e) {
      return String.valueOf(e.getSQLState());
    }
  }
}
