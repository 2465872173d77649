package io.exeat.gateway.grpc;

import io.exeat.base.TaskId;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.OpenTask;
import io.exeat.task.EndCause;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WatchRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Set;

/** {@code exeat.v1.Tasks}. */
final class TasksService extends TasksGrpc.TasksImplBase {

  /** {@code task.proto}: how long an end, and a change of scope, wait for the proof. */
  private static final Duration END_WITHIN = Duration.ofSeconds(10);

  private static final Duration CHANGE_WITHIN = Duration.ofSeconds(30);

  private final AgentRequests flow;

  TasksService(AgentRequests flow) {
    this.flow = flow;
  }

  @Override
  public void open(OpenRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer,
        caller -> {
          OpenTask ask = Parse.open(request);
          return ToProto.task(flow.open(caller.peer(), ask));
        });
  }

  @Override
  public void changeScope(ChangeScopeRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer,
        caller -> {
          TaskId task = Parse.task(request.getTaskId());
          Set<String> scope = Parse.scope(request.getScopeList());
          long epoch = Parse.epoch(request.getEpoch());
          return ToProto.task(
              flow.changeScope(caller.peer(), task, scope, epoch, Unary.within(CHANGE_WITHIN)));
        });
  }

  @Override
  public void complete(CompleteRequest request, StreamObserver<Task> observer) {
    end(observer, request.getTaskId(), EndCause.COMPLETED, "");
  }

  @Override
  public void cancel(CancelRequest request, StreamObserver<Task> observer) {
    end(observer, request.getTaskId(), EndCause.CANCELLED, request.getNote());
  }

  private void end(StreamObserver<Task> observer, String id, EndCause cause, String text) {
    Unary.serve(
        observer,
        caller -> {
          TaskId task = Parse.task(id);
          String note = Parse.note(text);
          return ToProto.task(flow.end(caller.peer(), task, cause, note, Unary.within(END_WITHIN)));
        });
  }

  @Override
  public void get(GetRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer, caller -> ToProto.task(flow.get(caller.peer(), Parse.task(request.getTaskId()))));
  }

  @Override
  public void watch(WatchRequest request, StreamObserver<TaskEvent> observer) {
    WatchStream.serve(
        (ServerCallStreamObserver<TaskEvent>) observer,
        (caller, listener) -> flow.watch(caller.peer(), Parse.task(request.getTaskId()), listener));
  }
}
