package io.exeat.gateway.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.exeat.audit.AuditEvent;
import io.exeat.base.CredentialId;
import io.exeat.credential.Held;
import io.exeat.flow.Issued;
import io.exeat.flow.Restoration;
import io.exeat.flow.Revoked;
import io.exeat.flow.Stopped;
import io.exeat.flow.TaskView;
import io.exeat.task.Target;
import io.exeat.v1.Binding;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialState;
import io.exeat.v1.CredentialSummary;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.EndCause;
import io.exeat.v1.KillResponse;
import io.exeat.v1.Killed;
import io.exeat.v1.Pending;
import io.exeat.v1.Receipt;
import io.exeat.v1.ReleaseResponse;
import io.exeat.v1.RevokeResponse;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.UnkillResponse;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** From the words of {@code flow} to the wire. */
final class ToProto {

  private ToProto() {}

  static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }

  static Task task(TaskView view) {
    return builder(view).build();
  }

  /** With what was issued with it; see {@link #credential}. */
  static Task opened(TaskView view, Issued issued, byte[] secret) {
    return builder(view).setIssued(credential(issued, secret)).build();
  }

  private static Task.Builder builder(TaskView view) {
    Task.Builder task = builder(view.task());
    view.credentials().forEach(held -> task.addCredentials(summary(held)));
    view.pending().ifPresent(task::setPendingReason);
    return task;
  }

  private static Task.Builder builder(io.exeat.task.Task from) {
    Task.Builder task =
        Task.newBuilder()
            .setId(from.id().value())
            .setAgent(from.agent().id().toString())
            .setIntent(from.intent().intent())
            .putAllParameters(from.intent().parameters())
            .addAllScope(from.scope().stream().sorted().toList())
            .setEpoch(from.epoch().number())
            .setState(state(from.state()))
            .setOpenedAt(timestamp(from.openedAt()))
            .setDeadline(timestamp(from.deadline()))
            .setBinding(
                switch (from.binding()) {
                  case PROCESS -> Binding.BINDING_PROCESS;
                  case IDENTITY -> Binding.BINDING_IDENTITY;
                });
    from.parent().ifPresent(parent -> task.setParentTaskId(parent.value()));
    from.end()
        .ifPresent(end -> {
          task.setEndCause(cause(end.cause())).setEndingAt(timestamp(end.at()));
          end.deadAt().ifPresent(at -> task.setEndedAt(timestamp(at)));
        });
    return task;
  }

  private static TaskState state(io.exeat.task.Task.State state) {
    return switch (state) {
      // Nobody has its handle yet, so nobody asks; the operator's list calls it open.
      case OPENING, OPEN -> TaskState.TASK_STATE_OPEN;
      case CHANGING -> TaskState.TASK_STATE_CHANGING;
      case ENDING -> TaskState.TASK_STATE_ENDING;
      case ENDED -> TaskState.TASK_STATE_ENDED;
    };
  }

  private static EndCause cause(io.exeat.task.EndCause cause) {
    return switch (cause) {
      case COMPLETED -> EndCause.END_CAUSE_COMPLETED;
      case CANCELLED -> EndCause.END_CAUSE_CANCELLED;
      case EXPIRED -> EndCause.END_CAUSE_EXPIRED;
      case AGENT_GONE -> EndCause.END_CAUSE_AGENT_GONE;
      case OPERATOR -> EndCause.END_CAUSE_OPERATOR;
      case BROKER_RESTARTED -> EndCause.END_CAUSE_BROKER_RESTARTED;
      case BROKER_STOPPED -> EndCause.END_CAUSE_BROKER_STOPPED;
      case LEASE_LOST -> EndCause.END_CAUSE_LEASE_LOST;
      case PARENT_ENDED -> EndCause.END_CAUSE_PARENT_ENDED;
      case PARENT_NARROWED -> EndCause.END_CAUSE_PARENT_NARROWED;
      case KILLED -> EndCause.END_CAUSE_KILLED;
    };
  }

  private static CredentialSummary summary(Held held) {
    CredentialSummary.Builder summary =
        CredentialSummary.newBuilder()
            .setId(held.id().value())
            .setGrant(held.grant())
            .setEpoch(held.epoch().number())
            .setState(
                switch (held.state()) {
                  case ACTIVE -> CredentialState.CREDENTIAL_STATE_ACTIVE;
                  case REVOKING -> CredentialState.CREDENTIAL_STATE_REVOKING;
                  case REVOKED -> CredentialState.CREDENTIAL_STATE_REVOKED;
                })
            .setIssuedAt(timestamp(held.issuedAt()))
            .setExpiresAt(timestamp(held.expiresAt()))
            .setCannotBeRecalled(!held.kind().isRecalled());
    held.deadAt().ifPresent(at -> summary.setDeadAt(timestamp(at)));
    return summary.build();
  }

  static TaskEvent event(io.exeat.task.TaskEvent from) {
    TaskEvent.Builder event =
        TaskEvent.newBuilder().setAt(timestamp(from.at())).setNumber(from.number());
    Task task = builder(from.task()).build();
    return (switch (from.kind()) {
          case SNAPSHOT -> event.setSnapshot(task);
          case EPOCH_OPENED -> event.setEpochOpened(task);
          case EPOCH_CLOSED -> event.setEpochClosed(task);
          case EXPIRY_WARNING -> event.setExpiryWarning(task);
          case ENDING -> event.setEnding(task);
          case ENDED -> event.setEnded(task);
        })
        .build();
  }

  /**
   * @param secret is wrapped, not copied: it must stay until the message has been sent, and the
   *     message must not be kept
   */
  static Credential credential(Issued issued, byte[] secret) {
    Held held = issued.credential();
    Credential.Builder credential =
        Credential.newBuilder()
            .setId(held.id().value())
            .setTaskId(held.epoch().task().value())
            .setEpoch(held.epoch().number())
            .setGrant(held.grant())
            .setIssuedAt(timestamp(held.issuedAt()))
            .setExpiresAt(timestamp(held.expiresAt()))
            .setCannotBeRecalled(!held.kind().isRecalled());
    return switch (issued.target()) {
      case Target.Postgres target ->
          credential
              .setDatabase(
                  DatabaseLogin.newBuilder()
                      .setHost(target.host())
                      .setPort(target.port())
                      .setDatabase(target.database())
                      .setUsername(held.principal())
                      .setPasswordBytes(wrap(secret)))
              .build();
      case Target.Pki target ->
          credential
              .setCertificate(
                  CertificateText.of(secret)
                      .setSerialNumber(held.principal())
                      .setHost(target.host()))
              .build();
      case Target.Ssh target -> credential.setSsh(SshText.of(secret, held, target)).build();
      case Target.Kubernetes target ->
          credential.setServiceAccount(AccountText.of(secret, held, target)).build();
      case Target.Service _ -> throw new IllegalArgumentException("nothing is lent at a service");
    };
  }

  private static ByteString wrap(byte[] secret) {
    return com.google.protobuf.UnsafeByteOperations.unsafeWrap(secret);
  }

  static ReleaseResponse released(Held held) {
    ReleaseResponse.Builder released =
        ReleaseResponse.newBuilder()
            .setCredentialId(held.id().value())
            .setProvenDead(held.state() == Held.State.REVOKED);
    held.deadAt().ifPresent(at -> released.setDeadAt(timestamp(at)));
    if (!held.kind().isRecalled()) {
      released.setCannotBeRecalled(true).setEndsAt(timestamp(held.expiresAt()));
    }
    return released.build();
  }

  static RevokeResponse revoked(Revoked revoked) {
    return RevokeResponse.newBuilder()
        .setNamed(revoked.named())
        .setProvenDead(revoked.provenDead())
        .addAllPending(pending(revoked.pending()))
        .setAlreadyEnded(revoked.alreadyEnded())
        .build();
  }

  static KillResponse stopped(Stopped from) {
    return KillResponse.newBuilder()
        .setEnded(revoked(from.ended()))
        .setKilled(killed(from.now()))
        .setRecorded(from.recorded())
        .build();
  }

  static Killed killed(io.exeat.flow.Killed from) {
    Killed.Builder killed =
        Killed.newBuilder()
            .setAgent(from.kill().agent().toString())
            .setKilledAt(timestamp(from.kill().at()))
            .setBy(from.kill().by())
            .setReason(from.kill().reason())
            .setDisabledInVault(from.disabled())
            .setPendingReason(from.pending().orElse(""));
    from.request()
        .ifPresent(request ->
            killed
                .setRestorationAskedBy(request.by())
                .setRestorationVoidAt(timestamp(request.until())));
    return killed.build();
  }

  static UnkillResponse restoration(Restoration from) {
    UnkillResponse.Builder answer = UnkillResponse.newBuilder();
    return switch (from) {
      case Restoration.Done _ -> answer.setRestored(true).build();
      case Restoration.UnderWay it -> answer.setPendingReason(it.pending()).build();
      case Restoration.WaitsForAnother it -> answer.setWaitsUntil(timestamp(it.until())).build();
    };
  }

  static Receipt receipt(AuditEvent.ReceiptSigned from) {
    return Receipt.newBuilder()
        .setTaskId(from.epoch().task().value())
        .setEpoch(from.epoch().number())
        .setCredentialId(from.credential().map(CredentialId::value).orElse(""))
        .setAgent(from.agent())
        .setJws(from.jws())
        .build();
  }

  static List<Pending> pending(Map<io.exeat.base.TaskId, String> pending) {
    return pending.entrySet().stream()
        .map(entry ->
            Pending.newBuilder()
                .setTaskId(entry.getKey().value())
                .setReason(entry.getValue())
                .build())
        .sorted(java.util.Comparator.comparing(Pending::getTaskId))
        .toList();
  }
}
