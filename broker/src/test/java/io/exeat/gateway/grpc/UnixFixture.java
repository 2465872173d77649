package io.exeat.gateway.grpc;

import io.exeat.base.TaskId;
import io.exeat.gateway.FakeFlow;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.TasksGrpc;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A real door on a real socket in front of a fake flow. */
public final class UnixFixture implements AutoCloseable {

  public static final String AGENT = "spiffe://example.org/ns/a/sa/a/agent/orders";

  public final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  public final ExecutorService calls =
      java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor();
  public final FakeFlow flow = new FakeFlow(peer -> AGENT);

  /** Whether an attestor would say that it knows the peers. */
  public volatile boolean known = true;

  public final Serving serving = new Serving();
  public final Path directory;
  public final Path socket;

  private final List<Runnable> opened = new ArrayList<>();
  private final EventLoopGroup clients =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

  public UnixFixture() {
    try {
      directory = Files.createTempDirectory("exeat").toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    socket = directory.resolve("run").resolve("agent.sock");
  }

  public DoorParts parts(Limits limits) {
    return new DoorParts(loops, calls, serving, limits);
  }

  public UnixDoor agents() throws IOException {
    return agents(Limits.DEFAULT);
  }

  public UnixDoor agents(Limits limits) throws IOException {
    return agents(BrokerServices.forAgents(flow, peer -> known), limits);
  }

  public UnixDoor agents(Served served, Limits limits) throws IOException {
    UnixDoor door =
        UnixDoor.forAgents(new UnixDoorConfig(socket, Optional.empty()), served, parts(limits));
    opened.addFirst(door::close);
    return door;
  }

  public ManagedChannel channel() {
    return channel(socket);
  }

  public ManagedChannel channel(Path to) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(to.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(clients)
            .flowControlWindow(65_535)
            .overrideAuthority("localhost")
            .maxInboundMetadataSize(64 << 10)
            .usePlaintext()
            .build();
    opened.addFirst(channel::shutdownNow);
    return channel;
  }

  public static TasksGrpc.TasksBlockingStub tasks(Channel channel) {
    return TasksGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  public static CredentialsGrpc.CredentialsBlockingStub credentials(Channel channel) {
    return CredentialsGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  /** A request that passes; a test breaks one field of it. */
  public static OpenRequest.Builder open(String key) {
    return OpenRequest.newBuilder()
        .setIntent("refund")
        .putParameters("order", "4711")
        .addScope("orders-read")
        .setLifetime(com.google.protobuf.Duration.newBuilder().setSeconds(60))
        .setNote("for people")
        .setIdempotencyKey(key);
  }

  public static TaskId opened(Channel channel, String key) {
    return new TaskId(tasks(channel).open(open(key).build()).getId());
  }

  public static com.google.rpc.ErrorInfo info(StatusRuntimeException refused) {
    try {
      return Objects.requireNonNull(StatusProto.fromThrowable(refused))
          .getDetails(0)
          .unpack(com.google.rpc.ErrorInfo.class);
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  public static @Nullable String requestId(StatusRuntimeException refused) {
    return Objects.requireNonNull(refused.getTrailers())
        .get(Metadata.Key.of("exeat-request-id", Metadata.ASCII_STRING_MARSHALLER));
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
    calls.shutdownNow();
    var ours = loops.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    var theirs = clients.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    ours.awaitUninterruptibly(3, TimeUnit.SECONDS);
    theirs.awaitUninterruptibly(3, TimeUnit.SECONDS);
    try (var files = Files.walk(directory)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
