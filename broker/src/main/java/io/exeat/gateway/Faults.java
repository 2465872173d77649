package io.exeat.gateway;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.exeat.attest.WouldWait;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.RequestId;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one table from {@link Fault} to what a caller sees. {@code docs/errors.md} is the same table
 * for people; a test holds the two together.
 *
 * <p>Only a fault's own fields reach the wire. Causes and unforeseen throwables go to the log.
 */
public final class Faults {

  /** The domain of every {@link ErrorInfo} of ours. */
  public static final String DOMAIN = "exeat.io";

  private static final Logger LOG = LoggerFactory.getLogger(Faults.class);

  private Faults() {}

  /**
   * What the caller of request {@code id} gets for {@code thrown}: a fault's row of the table, or,
   * for everything else, INTERNAL with the request's name alone, the rest being logged under it.
   */
  public static StatusRuntimeException answer(RequestId id, Throwable thrown) {
    if (thrown instanceof FaultException refused) {
      if (refused.getCause() != null) {
        LOG.info("request {}: {}", id, refused.fault(), refused.getCause());
      }
      return toGrpc(refused.fault());
    }
    if (thrown instanceof WouldWait) { // a door that has no other thread for it
      return toGrpc(
          new Fault.Unavailable(
              Fault.Dependency.IDENTITY,
              "the agent is to be attested anew",
              Duration.ofMillis(100)));
    }
    LOG.error("request {}: a defect of ours", id, thrown);
    return toGrpc(new Fault.Bug(id));
  }

  /**
   * The fault's gRPC status, its {@link ErrorInfo} and, where waiting helps, a {@link RetryInfo}.
   */
  public static StatusRuntimeException toGrpc(Fault fault) {
    Row row = row(fault);
    var status =
        com.google.rpc.Status.newBuilder()
            .setCode(row.code.value())
            .setMessage(row.description)
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setDomain(DOMAIN)
                        .setReason(row.reason)
                        .putAllMetadata(row.metadata)
                        .build()));
    row.retryAfter.ifPresent(after ->
        status.addDetails(
            Any.pack(
                RetryInfo.newBuilder()
                    .setRetryDelay(
                        com.google.protobuf.Duration.newBuilder()
                            .setSeconds(after.toSeconds())
                            .setNanos(after.toNanosPart()))
                    .build())));
    return StatusProto.toStatusRuntimeException(status.build());
  }

  /** The row's name, such as {@code OUT_OF_SCOPE}. */
  public static String reason(Fault fault) {
    return row(fault).reason;
  }

  /** One row of the table. */
  private record Row(
      Status.Code code,
      String reason,
      Map<String, String> metadata,
      String description,
      Optional<Duration> retryAfter) {

    Row(Status.Code code, String reason, Map<String, String> metadata, String description) {
      this(code, reason, metadata, description, Optional.empty());
    }
  }

  private static Row row(Fault fault) {
    return switch (fault) {
      case Fault.Unattested f ->
          new Row(
              Status.Code.UNAUTHENTICATED,
              "UNATTESTED",
              Map.of("evidence", f.evidence()),
              "nobody vouches for the caller (%s); have it registered with SPIRE, then call again"
                  .formatted(f.evidence()));
      case Fault.Malformed f ->
          new Row(
              Status.Code.INVALID_ARGUMENT,
              "MALFORMED",
              Map.of("field", f.field(), "problem", f.problem()),
              "%s: %s".formatted(f.field(), f.problem()));
      case Fault.NoSuchTask f ->
          new Row(
              Status.Code.NOT_FOUND,
              "NO_SUCH_TASK",
              Map.of("task_id", f.task().value()),
              "no task %s of the caller's; open one".formatted(f.task()));
      case Fault.NoSuchCredential f ->
          new Row(
              Status.Code.NOT_FOUND,
              "NO_SUCH_CREDENTIAL",
              Map.of("credential_id", f.credential().value()),
              "no credential %s in this task; Get lists those that it has"
                  .formatted(f.credential()));
      case Fault.NoSuchApproval f ->
          new Row(
              Status.Code.NOT_FOUND,
              "NO_SUCH_APPROVAL",
              Map.of("decision_id", f.decision().value()),
              "nothing waits for the caller's yes under %s: it is unknown, used, refused or void; exeat approval list has what waits"
                  .formatted(f.decision()));
      case Fault.TaskEnded f ->
          new Row(
              Status.Code.FAILED_PRECONDITION,
              "TASK_ENDED",
              Map.of("task_id", f.task().value(), "cause", f.cause()),
              "task %s is over (%s); open another one".formatted(f.task(), f.cause()));
      case Fault.EpochClosed f ->
          new Row(
              Status.Code.ABORTED,
              "EPOCH_CLOSED",
              Map.of(
                  "task_id", f.task().value(),
                  "asked", Long.toString(f.asked()),
                  "current", Long.toString(f.current())),
              "epoch %d of task %s is closed, %d is the current one; read the task with Get, then ask again under it"
                  .formatted(f.asked(), f.task(), f.current()));
      case Fault.ScopeChanging f ->
          new Row(
              Status.Code.UNAVAILABLE,
              "SCOPE_CHANGING",
              Map.of("task_id", f.task().value(), "pending", f.pending()),
              "task %s waits for its old credentials to be proven dead (%s); ask again later"
                  .formatted(f.task(), f.pending()),
              Optional.of(f.retryAfter()));
      case Fault.OutOfScope f ->
          new Row(
              Status.Code.PERMISSION_DENIED,
              "OUT_OF_SCOPE",
              Map.of("task_id", f.task().value(), "grant", f.grant()),
              "grant %s is not in the scope of task %s; ask for it with ChangeScope"
                  .formatted(f.grant(), f.task()));
      case Fault.OutsideCeiling f ->
          new Row(
              Status.Code.PERMISSION_DENIED,
              "OUTSIDE_CEILING",
              Map.of("what", f.what(), "allowed", f.allowed()),
              "the agent's catalogue entry does not allow %s, only %s; its owner can change the catalogue"
                  .formatted(f.what(), f.allowed()));
      case Fault.Denied f ->
          new Row(
              Status.Code.PERMISSION_DENIED,
              "DENIED",
              Map.of("because", f.reason()),
              "denied: %s".formatted(f.reason()));
      case Fault.IdempotencyConflict f ->
          new Row(
              Status.Code.ALREADY_EXISTS,
              "IDEMPOTENCY_CONFLICT",
              Map.of("idempotency_key", f.key()),
              "idempotency_key %s was used for another content; choose a new one"
                  .formatted(f.key()));
      case Fault.Exhausted f ->
          new Row(
              Status.Code.RESOURCE_EXHAUSTED,
              "EXHAUSTED",
              Map.of("what", f.what(), "limit", Long.toString(f.limit())),
              "the limit of %d %s is reached; end what is no longer needed, ask again later"
                  .formatted(f.limit(), f.what()),
              Optional.of(f.retryAfter()));
      case Fault.Unavailable f ->
          new Row(
              Status.Code.UNAVAILABLE,
              "UNAVAILABLE",
              Map.of("dependency", f.dependency().name(), "problem", f.problem()),
              "%s is away (%s); nothing was lent; call again later, with the same idempotency_key if any"
                  .formatted(f.dependency(), f.problem()),
              Optional.of(f.retryAfter()));
      case Fault.NotServing f ->
          new Row(
              Status.Code.UNAVAILABLE,
              "NOT_SERVING",
              Map.of("state", f.state()),
              "the broker is %s; call again when its health check says SERVING"
                  .formatted(f.state()));
      case Fault.Bug f ->
          new Row(
              Status.Code.INTERNAL,
              "BUG",
              Map.of("request_id", f.request().value()),
              "a defect of Exeat's; report it with request %s, under which the log has it"
                  .formatted(f.request()));
    };
  }
}
