package io.exeat.gateway.grpc;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.gateway.FakeFlow;
import io.exeat.task.TaskEvent.Kind;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalRequest;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.PolicyStatus;
import io.exeat.v1.RejectRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.StatusResponse;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WaitingRequest;
import io.exeat.v1.WatchRequest;
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
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class UnixDoorTest {

  private final UnixFixture fixture = new UnixFixture();

  @AfterEach
  void close() {
    fixture.close();
  }

  private int us() throws IOException {
    return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  @Test
  void theFlowLearnsWhatTheKernelSaysOfTheCaller() throws Exception {
    fixture.agents();

    Task task = UnixFixture.tasks(fixture.channel()).open(UnixFixture.open("k").build());

    Peer.Local peer = (Peer.Local) fixture.flow.peers.getFirst();
    assertThat(peer.pid()).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(peer.uid()).isEqualTo(us());
    assertThat(peer.process().alive()).isTrue();
    assertThat(task.getIntent()).isEqualTo("refund");
    assertThat(task.getParametersMap()).containsEntry("order", "4711");
    assertThat(task.getScopeList()).containsExactly("orders-read");
    assertThat(task.getBinding()).isEqualTo(Binding.BINDING_PROCESS);
    assertThat(task.getOpenedAt()).isEqualTo(ToProto.timestamp(FakeFlow.NOON));
  }

  @Test
  void theSecretArrivesAndTheBrokersCopyStays() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");

    Credential credential = UnixFixture.credentials(channel).issue(issue(task));

    assertThat(credential.getDatabase().getPassword()).isEqualTo(FakeFlow.PASSWORD);
    int length = fixture.flow.secret.read(bytes -> bytes.length);
    assertThat(length).isEqualTo(9);
  }

  private static IssueRequest issue(TaskId task) {
    return IssueRequest.newBuilder()
        .setTaskId(task.value())
        .setGrant("orders-read")
        .setIdempotencyKey("k")
        .build();
  }

  @Test
  void aSecretThatIsZeroedMeanwhileIsAClosedEpoch() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    fixture.flow.secret.close();

    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () -> UnixFixture.credentials(channel).issue(issue(task)));

    assertThat(UnixFixture.info(refused).getReason()).isEqualTo("EPOCH_CLOSED");
  }

  @Test
  void everyAnswerNamesItsRequest() throws Exception {
    fixture.agents();
    var trailers = new java.util.concurrent.atomic.AtomicReference<Metadata>();
    var headers = new java.util.concurrent.atomic.AtomicReference<Metadata>();

    var _ =
        UnixFixture.tasks(fixture.channel())
            .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
            .open(UnixFixture.open("k").build());

    assertThat(trailers.get().get(Calls.REQUEST_ID)).isEqualTo(fixture.flow.requests.getFirst());
  }

  @Test
  void aDefectOfOursIsToldByTheRequestAlone() throws Exception {
    fixture.agents();
    fixture.flow.failure = new IllegalStateException("the password is hunter2");

    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () -> UnixFixture.tasks(fixture.channel()).open(UnixFixture.open("k").build()));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(refused.getStatus().getDescription()).doesNotContain("hunter2");
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("request_id"))
        .isEqualTo(UnixFixture.requestId(refused));
  }

  @Test
  void theFirstCallOfAConnectionIsOnAVirtualThreadAndReadingOnItsLoopAfterwards() throws Exception {
    fixture.agents();
    ManagedChannel one = fixture.channel();
    TaskId task = UnixFixture.opened(one, "k");
    GetRequest get = GetRequest.newBuilder().setTaskId(task.value()).build();

    var _ = UnixFixture.tasks(one).get(get);
    ManagedChannel other = fixture.channel();
    var _ = UnixFixture.tasks(other).get(get);
    var _ = UnixFixture.tasks(other).get(get);
    var _ = UnixFixture.credentials(other).issue(issue(task));

    assertThat(fixture.flow.threads)
        .containsExactly("virtual", "loop", "virtual", "loop", "virtual");
  }

  @Test
  void whoMustBeAttestedAnewDoesNotHoldUpTheLoop() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");

    fixture.known = false;
    var _ = UnixFixture.tasks(channel).get(GetRequest.newBuilder().setTaskId(task.value()).build());

    assertThat(fixture.flow.threads).containsExactly("virtual", "virtual");
  }

  @Test
  void aRefusedCallerIsNotTakenForAttested() throws Exception {
    fixture.agents();
    fixture.flow.failure = new FaultException(new Fault.Unattested("no entry"));
    GetRequest get = GetRequest.newBuilder().setTaskId(TaskId.random().value()).build();
    ManagedChannel channel = fixture.channel();

    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> UnixFixture.tasks(channel).get(get))
          .hasMessageStartingWith("UNAUTHENTICATED");
    }

    assertThat(fixture.flow.threads).containsExactly("virtual", "virtual");
  }

  @Test
  void aWaitEndsBeforeTheCallersDeadlineAndAtTheContractsBound() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    CompleteRequest complete = CompleteRequest.newBuilder().setTaskId(task.value()).build();

    var _ = TasksGrpc.newBlockingStub(channel).complete(complete);
    var _ =
        TasksGrpc.newBlockingStub(channel)
            .withDeadlineAfter(2, TimeUnit.SECONDS)
            .complete(complete);

    assertThat(fixture.flow.waits.get(0)).isEqualTo(Duration.ofSeconds(10));
    assertThat(fixture.flow.waits.get(1))
        .isBetween(Duration.ofSeconds(1), Duration.ofMillis(1_801));
  }

  @Test
  void aWatcherSeesEveryEventAndTheEndEndsTheStream() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    Iterator<TaskEvent> events =
        UnixFixture.tasks(channel).watch(WatchRequest.newBuilder().setTaskId(task.value()).build());
    assertThat(events.next().hasSnapshot()).isTrue();

    fixture.flow.happened(task, Kind.EXPIRY_WARNING);
    assertThat(events.next().hasExpiryWarning()).isTrue();
    var _ =
        UnixFixture.tasks(channel)
            .complete(CompleteRequest.newBuilder().setTaskId(task.value()).build());

    assertThat(events.next().hasEnded()).isTrue();
    assertThat(events.hasNext()).isFalse();
    await().untilAsserted(() -> assertThat(fixture.flow.watchers.get(task)).isEmpty());
  }

  @Test
  void aWatcherThatDoesNotReadGetsTheLatestStateAndNoQueueGrows() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    ClientCall<WatchRequest, TaskEvent> call =
        channel.newCall(TasksGrpc.getWatchMethod(), CallOptions.DEFAULT);
    List<TaskEvent> seen = new CopyOnWriteArrayList<>();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(TaskEvent event) {
            seen.add(event);
          }
        },
        new Metadata());
    call.sendMessage(WatchRequest.newBuilder().setTaskId(task.value()).build());
    call.halfClose();
    call.request(1);
    await().until(() -> seen.size() == 1);
    int happened = 20_000;
    for (int i = 0; i < happened; i++) {
      fixture.flow.happened(task, Kind.EXPIRY_WARNING);
    }
    var _ =
        UnixFixture.tasks(fixture.channel())
            .complete(CompleteRequest.newBuilder().setTaskId(task.value()).build());

    call.request(Integer.MAX_VALUE);
    await().until(() -> seen.getLast().hasEnded());

    assertThat(seen).hasSizeLessThan(happened / 2);
  }

  @Test
  void aWatcherThatGoesIsForgotten() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    Iterator<TaskEvent> events =
        UnixFixture.tasks(channel).watch(WatchRequest.newBuilder().setTaskId(task.value()).build());
    var _ = events.next();

    channel.shutdownNow();

    await().untilAsserted(() -> assertThat(fixture.flow.watchers.get(task)).isEmpty());
  }

  @Test
  void healthIsWhatTheBrokerSays() throws Exception {
    fixture.agents();
    var health = HealthGrpc.newBlockingStub(fixture.channel());
    HealthCheckRequest ask = HealthCheckRequest.getDefaultInstance();

    assertThat(health.check(ask).getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
    fixture.serving.set(true);
    assertThat(health.check(ask).getStatus()).isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void anOperatorIsKnownByItsUid() throws Exception {
    Path socket = fixture.directory.resolve("run").resolve("admin.sock");
    try (UnixDoor _ =
        UnixDoor.forOperators(
            new AdminSocketConfig(socket, Set.of(us())),
            fixture.flow,
            fixture.parts(Limits.DEFAULT))) {
      var admin = AdminGrpc.newBlockingStub(fixture.channel(socket));

      StatusResponse status = admin.status(StatusRequest.getDefaultInstance());
      assertThat(status.getDependencies(0).getProblem()).isEqualTo("sealed; unseal it");
      assertThat(status.getPolicy())
          .isEqualTo(
              PolicyStatus.newBuilder()
                  .setSha256("5f".repeat(32))
                  .setAge(
                      com.google.protobuf.Duration.newBuilder().setSeconds(1).setNanos(500_000_000))
                  .setReloadFailed(true)
                  .build());
      assertThat(admin.revoke(RevokeRequest.newBuilder().setAll(true).build()).getProvenDead())
          .isEqualTo(1);
      assertThat(fixture.flow.calls)
          .containsExactly("status by uid " + us(), "revoke by uid " + us() + " Everything[]");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void aUidThatIsNotConfiguredIsNoOperator() throws Exception {
    Path socket = fixture.directory.resolve("run").resolve("admin.sock");
    try (UnixDoor _ =
        UnixDoor.forOperators(
            new AdminSocketConfig(socket, Set.of(us() + 1)),
            fixture.flow,
            fixture.parts(Limits.DEFAULT))) {
      assertThatThrownBy(() ->
              AdminGrpc.newBlockingStub(fixture.channel(socket))
                  .revoke(RevokeRequest.newBuilder().setAll(true).build()))
          .hasMessageStartingWith("PERMISSION_DENIED");
      assertThat(fixture.flow.calls).isEmpty();
    }
  }

  @Test
  void anOperatorSaysYesAndNo() throws Exception {
    Path socket = fixture.directory.resolve("run").resolve("admin.sock");
    try (UnixDoor _ =
        UnixDoor.forOperators(
            new AdminSocketConfig(socket, Set.of(us())),
            fixture.flow,
            fixture.parts(Limits.DEFAULT))) {
      var approvals = ApprovalsGrpc.newBlockingStub(fixture.channel(socket));
      String id = "d00000000000000000001";

      ApprovalRequest waits = approvals.waiting(WaitingRequest.getDefaultInstance()).getRequests(0);
      assertThat(waits.getDecisionId()).isEqualTo(id);
      assertThat(waits.getQuestionsJson(0)).isEqualTo("{\"action\":\"call\"}");
      assertThat(waits.getMissingList()).containsExactly("operator");
      assertThat(waits.getApprovals(0).getBy()).isEqualTo("uid 7");
      var _ =
          approvals.approve(
              ApproveRequest.newBuilder().setDecisionId(id).setReason("checked").build());
      var _ =
          approvals.reject(RejectRequest.newBuilder().setDecisionId(id).setReason("no").build());
      assertThat(fixture.flow.calls)
          .containsExactly(
              "waiting for uid " + us() + ", operator",
              "approve " + id + " for PT5M by uid " + us() + ": checked",
              "reject " + id + " by uid " + us() + ": no");
    }
  }

  @Test
  void theAgentsDoorHasNoAdminService() throws Exception {
    fixture.agents();

    assertThatThrownBy(() ->
            ApprovalsGrpc.newBlockingStub(fixture.channel())
                .waiting(WaitingRequest.getDefaultInstance()))
        .hasMessageStartingWith("UNIMPLEMENTED");

    assertThatThrownBy(() ->
            AdminGrpc.newBlockingStub(fixture.channel()).status(StatusRequest.getDefaultInstance()))
        .hasMessageStartingWith("UNIMPLEMENTED");
  }

  @Test
  void theSocketIsForOwnerAndGroupAndItsDirectoryForNobodyElse() throws Exception {
    UnixDoor door = fixture.agents();

    assertThat(mode(fixture.socket)).isEqualTo("rw-rw----");
    assertThat(mode(fixture.directory.resolve("run"))).isEqualTo("rwxr-x---");
    door.close();
    assertThat(fixture.socket).doesNotExist();
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void aLiveSocketIsNotTakenOver() throws Exception {
    fixture.agents();

    assertThatThrownBy(fixture::agents)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(fixture.socket.toString())
        .hasMessageContaining("in use by");
    assertThatCode(() -> UnixFixture.opened(fixture.channel(), "k")).doesNotThrowAnyException();
  }

  @Test
  void aSocketOfAnotherServerIsNotTakenOver() throws Exception {
    Files.createDirectory(fixture.directory.resolve("run"));
    Files.setPosixFilePermissions(
        fixture.directory.resolve("run"), PosixFilePermissions.fromString("rwxr-x---"));
    try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(fixture.socket));

      assertThatThrownBy(fixture::agents).hasMessageContaining("in use by a process of user");
    }
    // Nobody listens any more, and its file is still there: stale.
    assertThat(fixture.socket).exists();
    fixture.agents();
    assertThatCode(() -> UnixFixture.opened(fixture.channel(), "k")).doesNotThrowAnyException();
  }

  @Test
  void whatIsNoSocketStays() throws Exception {
    Path run = Files.createDirectory(fixture.directory.resolve("run"));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    Files.writeString(fixture.socket, "precious");

    assertThatThrownBy(fixture::agents).hasMessageContaining("something else than a socket");
    assertThat(fixture.socket).hasContent("precious");
  }

  @Test
  void aSymbolicLinkIsNotFollowed() throws Exception {
    Path real = Files.createDirectory(fixture.directory.resolve("real"));
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rwx------"));
    Files.createSymbolicLink(fixture.directory.resolve("run"), real);
    assertThatThrownBy(fixture::agents).hasMessageContaining("symbolic link");

    Files.delete(fixture.directory.resolve("run"));
    Files.move(real, fixture.directory.resolve("run"));
    Path elsewhere = Files.writeString(fixture.directory.resolve("elsewhere"), "precious");
    Files.createSymbolicLink(fixture.socket, elsewhere);
    assertThatThrownBy(fixture::agents).hasMessageContaining("something else than a socket");
    assertThat(elsewhere).hasContent("precious");
  }

  @Test
  void aDirectoryThatOthersCanWriteToIsRefused() throws Exception {
    Path run = Files.createDirectory(fixture.directory.resolve("run"));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxrwx---"));

    assertThatThrownBy(fixture::agents)
        .hasMessageContaining("others than its owner can write")
        .hasMessageContaining("0750");
  }

  @Test
  void aSocketThatSomebodyPutInOurPlaceIsLeftToHim() throws Exception {
    UnixDoor door = fixture.agents();
    Files.delete(fixture.socket);
    Files.writeString(fixture.socket, "precious");

    door.close();

    assertThat(fixture.socket).hasContent("precious");
  }

  @Test
  void aPathTooLongForASocketIsSaid() {
    assertThatThrownBy(() ->
            UnixDoor.forAgents(
                new UnixDoorConfig(
                    fixture.directory.resolve("d").resolve("s".repeat(100)), Optional.empty()),
                BrokerServices.forAgents(fixture.flow),
                fixture.parts(Limits.DEFAULT)))
        .hasMessageContaining("too long");
  }

  @Test
  void anOversizedMessageIsRefusedAndTheConnectionGoesOn() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");

    assertThatThrownBy(() ->
            UnixFixture.tasks(channel)
                .open(UnixFixture.open("k2").setNote("x".repeat(1 << 20)).build()))
        .hasMessageStartingWith("RESOURCE_EXHAUSTED");

    assertThat(
            UnixFixture.tasks(channel)
                .get(GetRequest.newBuilder().setTaskId(task.value()).build())
                .getId())
        .isEqualTo(task.value());
    assertThat(fixture.flow.calls).containsExactly("open refund k", "get");
  }

  @Test
  void oversizedHeadersAreRefusedAndTheConnectionGoesOn() throws Exception {
    fixture.agents();
    ManagedChannel channel = fixture.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    GetRequest get = GetRequest.newBuilder().setTaskId(task.value()).build();
    Metadata large = new Metadata();
    large.put(Metadata.Key.of("x-large", Metadata.ASCII_STRING_MARSHALLER), "x".repeat(20_000));

    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                UnixFixture.tasks(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(large))
                    .get(get));

    assertThat(refused.getStatus().getCode()).isNotEqualTo(Status.Code.OK);
    assertThatCode(() -> UnixFixture.tasks(channel).get(get)).doesNotThrowAnyException();
    assertThat(fixture.flow.calls).containsExactly("open refund k", "get");
  }

  @Test
  void bytesThatAreNoMessageAreRefused() throws Exception {
    fixture.agents();
    MethodDescriptor.Marshaller<byte[]> raw =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
          }

          @Override
          public byte[] parse(InputStream stream) {
            return new byte[0];
          }
        };
    byte[] garbage = new byte[100];
    java.util.Arrays.fill(garbage, (byte) 0xff);

    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                ClientCalls.blockingUnaryCall(
                    fixture.channel(),
                    TasksGrpc.getOpenMethod().toBuilder(raw, raw).build(),
                    CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS),
                    garbage));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("field")).isEqualTo("message");
    assertThat(fixture.flow.calls).isEmpty();
  }

  @Test
  void aClientThatSaysNothingIsCutAndOneThatSaysNonsenseToo() throws Exception {
    fixture.agents(new Limits(100, 64, 2048, Duration.ofMillis(300), Duration.ofMinutes(5)));
    List<SocketChannel> strangers = new ArrayList<>();
    for (String says :
        List.of("", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\n\r\n", "\0".repeat(99))) {
      SocketChannel stranger = SocketChannel.open(UnixDomainSocketAddress.of(fixture.socket));
      if (!says.isEmpty()) {
        stranger.write(ByteBuffer.wrap(says.getBytes(US_ASCII)));
      }
      strangers.add(stranger);
    }

    for (SocketChannel stranger : strangers) {
      drain(stranger);
      stranger.close();
    }
    assertThatCode(() -> UnixFixture.opened(fixture.channel(), "k")).doesNotThrowAnyException();
  }

  /** Returns when the door has closed the connection. */
  private static void drain(SocketChannel stranger) {
    ByteBuffer buffer = ByteBuffer.allocate(1024);
    try {
      while (stranger.read(buffer.clear()) >= 0) {
        // whatever it says before it hangs up
      }
    } catch (IOException reset) {
      assertThat(reset).hasMessageContaining("reset");
    }
  }

  @Test
  void aThousandIdleConnectionsHurtNobody() throws Exception {
    fixture.agents(new Limits(100, 1100, 2048, Duration.ofSeconds(10), Duration.ofMinutes(5)));
    List<SocketChannel> idle = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      idle.add(SocketChannel.open(UnixDomainSocketAddress.of(fixture.socket)));
    }
    ManagedChannel channel = fixture.channel();

    TaskId task = UnixFixture.opened(channel, "k");
    long begin = System.nanoTime();
    for (int i = 0; i < 200; i++) {
      var _ =
          UnixFixture.tasks(channel).get(GetRequest.newBuilder().setTaskId(task.value()).build());
    }

    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
    for (SocketChannel one : idle) {
      one.close();
    }
  }
}
