package io.exeat.it.fault;

import io.exeat.credential.Certificates;
import io.exeat.it.checker.Checker;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.ClientCertificate;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.exeat.v1.TasksGrpc;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;

/** This process as an agent; the checker hears what it is given and what it is told. */
final class WatchedAgent implements AutoCloseable {
  private final Watched watched;
  private final Checker checker;
  private final Client client;

  WatchedAgent(Watched watched) {
    this.watched = watched;
    this.checker = watched.checker;
    this.client = watched.deployment.client();
  }

  Client client() {
    return client;
  }

  Task open(String... scope) {
    return client.open(scope);
  }

  Task openFor(Duration lifetime, String... scope) {
    OpenRequest ask = Client.asking(scope).setLifetime(Client.seconds(lifetime)).build();
    return client.tasks().open(ask);
  }

  Credential issue(Task task, String grant) {
    Credential credential = client.issue(task, grant);
    if (credential.hasCertificate()) {
      ClientCertificate it = credential.getCertificate();
      checker.handed(
          Certificates.read(it.getPrivateKey() + it.getCertificate() + it.getChain()).own(),
          it.getSerialNumber(),
          it.getPrivateKey(),
          grant);
    } else {
      checker.handed(
          credential.getDatabase().getUsername(), credential.getDatabase().getPassword(), grant);
    }
    return credential;
  }

  /** A session that has read something. */
  Connection session(Credential credential) throws SQLException {
    Connection session =
        watched
            .stage
            .postgres()
            .connect(
                Stage.DATABASE,
                credential.getDatabase().getUsername(),
                credential.getDatabase().getPassword());
    try (Statement statement = session.createStatement()) {
      statement.execute("SELECT id FROM orders");
    }
    return session;
  }

  Task changeScope(Task task, String... scope) {
    return changeScope(client.tasks(), task, scope);
  }

  /**
   * The same.
   *
   * @throws StatusRuntimeException DEADLINE_EXCEEDED when the old epoch is not dead by then
   */
  Task changeScopeWithin(Task task, Duration patience, String... scope) {
    return changeScope(client.tasks().withDeadlineAfter(patience), task, scope);
  }

  private Task changeScope(TasksGrpc.TasksBlockingStub tasks, Task task, String... scope) {
    Task changed =
        tasks.changeScope(
            ChangeScopeRequest.newBuilder()
                .setTaskId(task.getId())
                .setEpoch(task.getEpoch())
                .addAllScope(List.of(scope))
                .build());
    if (changed.getEpoch() > task.getEpoch()) {
      checker.toldEpochDead(task.getId() + "-e" + task.getEpoch());
    }
    return changed;
  }

  void release(Credential credential) {
    String principal =
        credential.hasCertificate()
            ? credential.getCertificate().getSerialNumber()
            : credential.getDatabase().getUsername();
    checker.released(principal);
    boolean dead =
        client
            .credentials()
            .release(
                ReleaseRequest.newBuilder()
                    .setTaskId(credential.getTaskId())
                    .setCredentialId(credential.getId())
                    .build())
            .getProvenDead();
    if (dead) {
      checker.toldDead(principal);
    }
  }

  Task complete(Task task) {
    return told(
        client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build()));
  }

  /** As it is shortly before the time is over, or soon after where that answer comes too late. */
  Task completeWithin(Task task, Duration patience) {
    try {
      return told(
          client
              .tasks()
              .withDeadlineAfter(patience)
              .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build()));
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.DEADLINE_EXCEEDED) {
        throw e;
      }
      return get(task);
    }
  }

  Task cancel(Task task) {
    return told(client.tasks().cancel(CancelRequest.newBuilder().setTaskId(task.getId()).build()));
  }

  Task get(Task task) {
    return told(client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build()));
  }

  private Task told(Task now) {
    if (now.getState() == TaskState.TASK_STATE_ENDED) {
      checker.toldEnded(now.getId());
    }
    return now;
  }

  @Override
  public void close() {
    client.close();
  }
}
