package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.Issued;
import io.exeat.flow.Opened;
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
        (caller, answer) -> {
          Opened opened = flow.open(caller.peer(), Ask.open(request));
          if (opened.issued().isPresent()) {
            Issued issued = opened.issued().get();
            Secrets.lend(issued, bytes -> ToProto.opened(opened.view(), issued, bytes), answer);
          } else {
            answer.accept(ToProto.task(opened.view()));
          }
        });
  }

  @Override
  public void changeScope(ChangeScopeRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer,
        caller -> {
          Ask.Change ask = Ask.Change.of(request);
          return ToProto.task(
              flow.changeScope(
                  caller.peer(),
                  ask.task(),
                  ask.scope(),
                  ask.epoch(),
                  Unary.within(CHANGE_WITHIN)));
        });
  }

  @Override
  public void complete(CompleteRequest request, StreamObserver<Task> observer) {
    Unary.serve(observer, caller -> end(caller, Ask.End.of(request)));
  }

  @Override
  public void cancel(CancelRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer, caller -> end(caller, Ask.End.of(request, caller.peer() instanceof Peer.Tls)));
  }

  private Task end(Caller caller, Ask.End ask) {
    return ToProto.task(
        flow.end(caller.peer(), ask.task(), ask.cause(), ask.note(), Unary.within(END_WITHIN)));
  }

  @Override
  public void get(GetRequest request, StreamObserver<Task> observer) {
    Unary.serve(
        observer, caller -> ToProto.task(flow.get(caller.peer(), Ask.Get.of(request).task())));
  }

  @Override
  public void watch(WatchRequest request, StreamObserver<TaskEvent> observer) {
    WatchStream.serve(
        (ServerCallStreamObserver<TaskEvent>) observer,
        (caller, listener) -> {
          Ask.Watch ask = Ask.Watch.of(request);
          return flow.watch(caller.peer(), ask.task(), ask.after(), listener);
        });
  }
}
