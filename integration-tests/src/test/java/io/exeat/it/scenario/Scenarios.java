package io.exeat.it.scenario;

import io.exeat.identity.development.Entry;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** What all suites that run in both forms begin with, and leave: a broker with nothing lent. */
abstract class Scenarios {
  static final Duration SOON = Duration.ofSeconds(10);

  final Deployment deployment;
  final Stage stage = Stage.get();
  final Outside outside = new Outside(stage);
  final Client client;
  final Client operator;

  Scenarios(Deployment.Form form) {
    this(Deployment.shared(form));
  }

  Scenarios(Deployment deployment) {
    this.deployment = deployment;
    this.client = deployment.client();
    this.operator = deployment.operator();
  }

  @BeforeEach
  void nothingIsLent() {
    outside.awaitNothingLent(SOON);
  }

  @AfterEach
  void close() {
    // A test that failed leaves nothing to the next.
    var _ = operator.admin().revoke(RevokeRequest.newBuilder().setAll(true).build());
    client.close();
    operator.close();
    outside.close();
  }

  /** An agent with a process of its own that the issuer knows as {@code id}. */
  AgentProcess agent(SpiffeId id) {
    AgentProcess agent = AgentProcess.start(deployment.socket(), Optional.empty());
    stage.authority().add(Entry.ofPid(id, agent.pid()));
    return agent;
  }

  Task get(Task task) {
    return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build());
  }

  Task complete(Task task) {
    return client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  boolean hasEnded(Task task) {
    return get(task).getState() == TaskState.TASK_STATE_ENDED;
  }

  static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }
}
