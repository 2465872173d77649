package io.exeat.gateway.grpc;

import com.google.protobuf.Duration;
import io.exeat.flow.Status;
import io.exeat.v1.DependencyStatus;
import io.exeat.v1.PolicyStatus;
import io.exeat.v1.StatusResponse;

/** How the broker is, on the wire. */
final class StatusToProto {
  private StatusToProto() {}

  static StatusResponse status(Status from) {
    StatusResponse.Builder status =
        StatusResponse.newBuilder()
            .setVersion(from.version())
            .setUptime(duration(from.uptime()))
            .setTasksOpen(from.counts().tasksOpen())
            .setTasksEnding(from.counts().tasksEnding())
            .setCredentialsActive(from.counts().credentialsActive())
            .setCredentialsRevoking(from.counts().credentialsRevoking())
            .addAllPending(ToProto.pending(from.pending()));
    from.spiffeId().ifPresent(status::setSpiffeId);
    from.svidExpiresAt().ifPresent(at -> status.setSvidExpiresAt(ToProto.timestamp(at)));
    from.dependencies().forEach(each -> status.addDependencies(dependency(each)));
    from.policy().ifPresent(policy -> status.setPolicy(policy(policy)));
    return status.build();
  }

  private static DependencyStatus dependency(Status.Dependency from) {
    return DependencyStatus.newBuilder()
        .setName(from.name())
        .setAvailable(from.problem().isEmpty())
        .setProblem(from.problem().orElse(""))
        .setSince(ToProto.timestamp(from.since()))
        .build();
  }

  private static PolicyStatus policy(Status.Policy from) {
    PolicyStatus.Builder policy =
        PolicyStatus.newBuilder().setSha256(from.sha256()).setReloadFailed(from.reloadFailed());
    from.age().ifPresent(age -> policy.setAge(duration(age)));
    return policy.build();
  }

  private static Duration duration(java.time.Duration from) {
    return Duration.newBuilder().setSeconds(from.toSeconds()).setNanos(from.toNanosPart()).build();
  }
}
