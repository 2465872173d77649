package io.exeat.gateway.relay;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WatchRequest;
import io.grpc.MethodDescriptor;
import java.util.Optional;

/** What the relay must know of each method: which task its request names. */
@SuppressWarnings(
    "ImmutableEnumChecker") // because a MethodDescriptor is immutable, though not marked so
enum Method {
  OPEN(TasksGrpc.getOpenMethod(), bytes -> OpenRequest.parseFrom(bytes).getParentTaskId()),
  CHANGE_SCOPE(
      TasksGrpc.getChangeScopeMethod(), bytes -> ChangeScopeRequest.parseFrom(bytes).getTaskId()),
  COMPLETE(TasksGrpc.getCompleteMethod(), bytes -> CompleteRequest.parseFrom(bytes).getTaskId()),
  CANCEL(TasksGrpc.getCancelMethod(), bytes -> CancelRequest.parseFrom(bytes).getTaskId()),
  GET(TasksGrpc.getGetMethod(), bytes -> GetRequest.parseFrom(bytes).getTaskId()),
  WATCH(TasksGrpc.getWatchMethod(), bytes -> WatchRequest.parseFrom(bytes).getTaskId()),
  ISSUE(CredentialsGrpc.getIssueMethod(), bytes -> IssueRequest.parseFrom(bytes).getTaskId()),
  RELEASE(CredentialsGrpc.getReleaseMethod(), bytes -> ReleaseRequest.parseFrom(bytes).getTaskId());

  private final MethodDescriptor<byte[], byte[]> descriptor;
  private final Named named;

  Method(MethodDescriptor<?, ?> descriptor, Named named) {
    this.descriptor = Bytes.method(descriptor);
    this.named = named;
  }

  MethodDescriptor<byte[], byte[]> descriptor() {
    return descriptor;
  }

  /**
   * The task that the request names: for Open the parent, or none.
   *
   * @throws FaultException Malformed
   */
  Optional<TaskId> task(byte[] request) {
    String id;
    try {
      id = named.in(request);
    } catch (InvalidProtocolBufferException e) {
      throw new FaultException(
          new Fault.Malformed(
              "message", "must be a " + descriptor.getFullMethodName() + " request"),
          e);
    }
    return this == OPEN && id.isEmpty() ? Optional.empty() : Optional.of(new TaskId(id));
  }

  private interface Named {
    String in(byte[] request) throws InvalidProtocolBufferException;
  }
}
