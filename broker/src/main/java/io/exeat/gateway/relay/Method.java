package io.exeat.gateway.relay;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.gateway.grpc.Ask;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.DecisionsGrpc;
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
  OPEN(TasksGrpc.getOpenMethod(), bytes -> Ask.open(OpenRequest.parseFrom(bytes)).parent()),
  CHANGE_SCOPE(
      TasksGrpc.getChangeScopeMethod(),
      bytes -> Optional.of(Ask.Change.of(ChangeScopeRequest.parseFrom(bytes)).task())),
  COMPLETE(
      TasksGrpc.getCompleteMethod(),
      bytes -> Optional.of(Ask.End.of(CompleteRequest.parseFrom(bytes)).task())),
  CANCEL(
      TasksGrpc.getCancelMethod(),
      bytes -> Optional.of(Ask.End.of(CancelRequest.parseFrom(bytes), false).task())),
  GET(
      TasksGrpc.getGetMethod(),
      bytes -> Optional.of(Ask.Get.of(GetRequest.parseFrom(bytes)).task())),
  WATCH(
      TasksGrpc.getWatchMethod(),
      bytes -> Optional.of(Ask.Watch.of(WatchRequest.parseFrom(bytes)).task())),
  ISSUE(
      CredentialsGrpc.getIssueMethod(),
      bytes -> Optional.of(Ask.Issue.of(IssueRequest.parseFrom(bytes)).task())),
  RELEASE(
      CredentialsGrpc.getReleaseMethod(),
      bytes -> Optional.of(Ask.Release.of(ReleaseRequest.parseFrom(bytes)).task())),
  CHECK(
      DecisionsGrpc.getCheckMethod(),
      bytes -> Optional.of(Ask.Check.of(CheckRequest.parseFrom(bytes)).task())),
  /** Each message of its stream. */
  CHECK_ALL(
      DecisionsGrpc.getCheckAllMethod(),
      bytes -> Optional.of(Ask.Check.of(CheckRequest.parseFrom(bytes)).task()));

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
   * The task that the request names: for Open the parent, or none. The request is checked whole, as
   * the broker will: what is wrong in it is said before what is wrong with the task, in both forms.
   *
   * @throws FaultException Malformed
   */
  Optional<TaskId> task(byte[] request) {
    try {
      return named.in(request);
    } catch (InvalidProtocolBufferException e) {
      throw new FaultException(
          new Fault.Malformed("message", "must be a message of " + descriptor.getFullMethodName()),
          e);
    }
  }

  private interface Named {
    Optional<TaskId> in(byte[] request) throws InvalidProtocolBufferException;
  }
}
