package io.exeat.gateway.relay;

import io.exeat.attest.Agent;
import io.exeat.base.TaskId;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the broker that the instance is gone which has opened tasks, all at once. */
final class Cancels {

  /** The broker begins to end a task when it hears of it; nobody here waits for the proof. */
  private static final int CANCEL_SECONDS = 1;

  /** More than one, for a connection that comes back and for tasks beyond the streams of one. */
  private static final int CANCEL_ROUNDS = 3;

  private static final Logger LOG = LoggerFactory.getLogger(Cancels.class);

  private Cancels() {}

  /** Returns when the broker has answered for each, or has had its seconds for it. */
  static void send(ManagedChannel over, List<TaskId> tasks, Agent agent, String reason) {
    List<TaskId> left = tasks;
    for (int round = 0; round < CANCEL_ROUNDS && !left.isEmpty(); round++) {
      left = cancelOnce(over, left.reversed(), reason); // first those that had to wait for a stream
    }
    if (!left.isEmpty()) {
      LOG.warn("tasks {} of {} ({}) are left to the broker's grace", left, agent, reason);
    }
  }

  /** Those that the broker has not answered for. */
  private static List<TaskId> cancelOnce(ManagedChannel over, List<TaskId> tasks, String reason) {
    TasksGrpc.TasksFutureStub stub =
        TasksGrpc.newFutureStub(over)
            .withWaitForReady()
            .withDeadlineAfter(CANCEL_SECONDS, TimeUnit.SECONDS);
    Map<TaskId, Future<Task>> sent = new LinkedHashMap<>();
    for (TaskId task : tasks) {
      sent.put(
          task,
          stub.cancel(
              CancelRequest.newBuilder()
                  .setTaskId(task.value())
                  .setNote(reason)
                  .setAgentGone(true)
                  .build()));
    }
    return sent.entrySet().stream()
        .filter(one -> !says(one, task -> true))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Whether the answer, once it is there, is such a one; so it is where there is no such task. */
  static boolean says(Map.Entry<TaskId, Future<Task>> asked, Predicate<Task> such) {
    try {
      return such.test(asked.getValue().get());
    } catch (ExecutionException e) {
      LOG.debug("no answer for {}", asked.getKey(), e.getCause());
      return Status.fromThrowable(e).getCode() == Status.Code.NOT_FOUND;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
