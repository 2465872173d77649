package io.exeat.it.environment;

import com.nimbusds.jose.JWSObject;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.TestTime;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReceiptsRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** One connection to a Unix socket of the broker's: this process as an agent or an operator. */
public final class Client implements AutoCloseable {
  private static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("client", true), EpollIoHandler.newFactory());
  private static final long CALL_SECONDS = 20;

  private final ManagedChannel channel;

  public Client(Path socket) {
    this(
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(LOOP)
            .overrideAuthority("exeat.local")
            .usePlaintext()
            .directExecutor()
            .build());
  }

  private Client(ManagedChannel channel) {
    this.channel = channel;
  }

  /** One with the SVID of {@code own}, over mTLS to a broker on this host. */
  static Client overTls(int port, IdentitySource own) {
    return new Client(
        NettyChannelBuilder.forAddress("127.0.0.1", port)
            .channelType(EpollSocketChannel.class)
            .eventLoopGroup(LOOP)
            .sslContext(new SpiffeTls(own, TestTime.real()).client(Stage.BROKER::equals))
            .directExecutor()
            .build());
  }

  public TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(channel).withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** For what has no end that a caller could know. */
  public TasksGrpc.TasksBlockingStub streams() {
    return TasksGrpc.newBlockingStub(channel).withDeadlineAfter(2, TimeUnit.MINUTES);
  }

  public CredentialsGrpc.CredentialsBlockingStub credentials() {
    return CredentialsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  public DecisionsGrpc.DecisionsBlockingStub decisions() {
    return DecisionsGrpc.newBlockingStub(channel).withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  /** For many checks over one stream. */
  public DecisionsGrpc.DecisionsStub manyDecisions() {
    return DecisionsGrpc.newStub(channel).withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  public AdminGrpc.AdminBlockingStub admin() {
    return AdminGrpc.newBlockingStub(channel).withDeadlineAfter(40, TimeUnit.SECONDS);
  }

  public ApprovalsGrpc.ApprovalsBlockingStub approvals() {
    return ApprovalsGrpc.newBlockingStub(channel).withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
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

  /** One with a credential, in one call. */
  public Task openWith(String grant) {
    return tasks().open(asking(grant).setIssue(grant).build());
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

  /** Sends what need not be a message, or not be one; returns with the answer's end. */
  public void send(MethodDescriptor<?, ?> method, byte[]... messages) {
    ClientCall<byte[], byte[]> call =
        channel.newCall(
            method.toBuilder(BYTES, BYTES).build(),
            CallOptions.DEFAULT.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS));
    CompletableFuture<Status> end = new CompletableFuture<>();
    AtomicReference<Metadata> last = new AtomicReference<>(new Metadata());
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            last.set(trailers);
            end.complete(status);
          }
        },
        new Metadata());
    call.request(2);
    for (byte[] message : messages) {
      call.sendMessage(message);
    }
    call.halfClose();
    Status status = end.join();
    if (!status.isOk()) {
      throw status.asRuntimeException(last.get());
    }
  }

  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  /** What the receipts of a task say, as JSON; of an operator. Who signed them is not looked at. */
  public List<String> receipts(Task task) {
    return admin()
        .receipts(ReceiptsRequest.newBuilder().setTaskId(task.getId()).build())
        .getReceiptsList()
        .stream()
        .map(it -> payload(it.getJws()))
        .toList();
  }

  private static String payload(String jws) {
    try {
      return JWSObject.parse(jws).getPayload().toString();
    } catch (ParseException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    var _ = channel.shutdownNow();
  }
}
