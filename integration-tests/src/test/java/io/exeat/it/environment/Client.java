package io.exeat.it.environment;

import io.exeat.v1.AdminGrpc;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** One connection to a Unix socket of the broker's: this process as an agent or an operator. */
public final class Client implements AutoCloseable {
  private static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("client", true), EpollIoHandler.newFactory());
  private static final long CALL_SECONDS = 20;

  private final ManagedChannel channel;

  public Client(Path socket) {
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(LOOP)
            .overrideAuthority("exeat.local")
            .usePlaintext()
            .directExecutor()
            .build();
  }

  public TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(channel).withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  public CredentialsGrpc.CredentialsBlockingStub credentials() {
    return CredentialsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  public AdminGrpc.AdminBlockingStub admin() {
    return AdminGrpc.newBlockingStub(channel).withDeadlineAfter(40, TimeUnit.SECONDS);
  }

  /** Whether gRPC's health service says so. */
  public boolean isServing() {
    try {
      channel.resetConnectBackoff();
      return HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(2, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus()
          == ServingStatus.SERVING;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /** Whether a call was answered, in whatever way. */
  public boolean isAnswered() {
    try {
      return HealthGrpc.newBlockingStub(channel)
          .withDeadlineAfter(2, TimeUnit.SECONDS)
          .check(HealthCheckRequest.getDefaultInstance())
          .isInitialized();
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /** A request that is as it should be. */
  public static OpenRequest.Builder asking(String... scope) {
    return OpenRequest.newBuilder()
        .setIntent("answer-ticket")
        .putParameters("ticket", "4711")
        .addAllScope(List.of(scope))
        .setLifetime(seconds(Duration.ofMinutes(5)))
        .setIdempotencyKey(UUID.randomUUID().toString());
  }

  public static com.google.protobuf.Duration seconds(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.toSeconds())
        .setNanos(duration.toNanosPart())
        .build();
  }

  public Task open(String... scope) {
    return tasks().open(asking(scope).build());
  }

  public Credential issue(Task task, String grant) {
    return credentials()
        .issue(
            IssueRequest.newBuilder()
                .setTaskId(task.getId())
                .setGrant(grant)
                .setIdempotencyKey(UUID.randomUUID().toString())
                .build());
  }

  @Override
  public void close() {
    var _ = channel.shutdownNow();
  }
}
