package io.exeat.gateway.relay;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.v1.Binding;
import io.exeat.v1.GetRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a process may use a task's handle: one that it did not open is good only where the task
 * is bound to no process.
 */
final class Ownership {

  /** For a question of our own to the broker, where the caller has set no deadline. */
  static final int ASK_SECONDS = 10;

  private static final Logger LOG = LoggerFactory.getLogger(Ownership.class);

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  private Ownership() {}

  /**
   * @throws FaultException NoSuchTask when it may not, Unavailable BROKER when that cannot be asked
   */
  static void require(Links links, Link link, TaskId task) {
    if (link.handles().holds(task)) {
      return;
    }
    FaultException refusal = new FaultException(new Fault.NoSuchTask(task));
    if (links.boundElsewhere(link, task)) {
      throw refusal;
    }
    Task answer;
    try {
      answer =
          TasksGrpc.newBlockingStub(link.start(channel -> channel))
              .withDeadlineAfter(ASK_SECONDS, TimeUnit.SECONDS)
              .get(GetRequest.newBuilder().setTaskId(task.value()).build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        throw refusal;
      }
      throw away(e.getStatus());
    }
    if (answer.getBinding() != Binding.BINDING_IDENTITY) {
      throw refusal;
    }
    link.handles().shares(task);
  }

  /** What the agent is told when the broker did not answer. */
  static FaultException away(Status status) {
    LOG.warn("no answer from the broker: {}", status);
    return new FaultException(
        new Fault.Unavailable(
            Fault.Dependency.BROKER, "the sidecar has no connection to it", RETRY_AFTER));
  }
}
