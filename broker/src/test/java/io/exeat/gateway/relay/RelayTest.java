package io.exeat.gateway.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.Timestamp;
import io.exeat.attest.Peer;
import io.exeat.base.TaskId;
import io.exeat.gateway.AgentDoorContract;
import io.exeat.gateway.FakeFlow;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.gateway.grpc.UnixFixture;
import io.exeat.identity.Svid;
import io.exeat.v1.Binding;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A sidecar's socket in front of a broker's mTLS door; what the agent sees, and what the broker
 * does.
 */
final class RelayTest extends AgentDoorContract {

  private final TlsFixture broker = new TlsFixture();
  private final UnixFixture sidecar = new UnixFixture();
  private final Instances instances = new Instances(broker.authority.issue(TlsFixture.AGENT));
  private TlsDoor door;
  private Relay relay;

  @BeforeEach
  void open() throws Exception {
    door = broker.open();
    relay =
        new Relay(
            new RelayConfig("127.0.0.1", door.port(), TlsFixture.BROKER),
            instances,
            broker.tls,
            sidecar.loops,
            sidecar.calls);
    sidecar.agents(relay.served(), Limits.DEFAULT);
  }

  @AfterEach
  void close() {
    relay.close();
    sidecar.close();
    broker.close();
  }

  @Override
  protected ManagedChannel agent() {
    return sidecar.channel();
  }

  @Override
  protected FakeFlow flow() {
    return broker.flow;
  }

  @Test
  void whatTheAgentPutsIntoItsHeadersStaysAtTheSidecar() {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("x-spiffe-id", Metadata.ASCII_STRING_MARSHALLER), "spiffe://a/b");
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), "00-1-2-03");

    assertThat(Passing.forward(headers).keys()).containsExactly("traceparent");
    assertThat(
            UnixFixture.tasks(sidecar.channel())
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                .open(UnixFixture.open("k").build())
                .getAgent())
        .isEqualTo(TlsFixture.AGENT);
  }

  @Test
  void anotherProcessOfTheSameAgentHasNoSuchTask() {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");

    instances.instance = "process two";

    assertThat(refused(() -> UnixFixture.tasks(channel).get(get(task))).getStatus().getCode())
        .isEqualTo(Status.Code.NOT_FOUND);
    assertThat(UnixFixture.opened(channel, "k")).as("a key of its own").isNotEqualTo(task);
    instances.instance = "process one";
    assertThat(UnixFixture.tasks(channel).get(get(task)).getId()).isEqualTo(task.value());
  }

  @Test
  void aTaskBoundToTheIdentityIsAnyProcesss() {
    ManagedChannel channel = sidecar.channel();
    Task task =
        UnixFixture.tasks(channel)
            .open(UnixFixture.open("k").setBinding(Binding.BINDING_IDENTITY).build());

    instances.instance = "process two";

    assertThat(UnixFixture.tasks(channel).get(get(new TaskId(task.getId()))).getId())
        .isEqualTo(task.getId());
  }

  @Test
  void aSidecarThatRestartedGivesNobodysTaskToAProcess() throws Exception {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    relay.close();
    try (UnixFixture restarted = new UnixFixture()) {
      relay =
          new Relay(
              new RelayConfig("127.0.0.1", door.port(), TlsFixture.BROKER),
              instances,
              broker.tls,
              restarted.loops,
              restarted.calls);
      restarted.agents(relay.served(), Limits.DEFAULT);
      ManagedChannel again = restarted.channel();

      assertThat(refused(() -> UnixFixture.tasks(again).get(get(task))).getStatus().getCode())
          .isEqualTo(Status.Code.NOT_FOUND);
      relay.close();
    }
  }

  @Test
  void whenTheProcessIsGoneItsTasksAreCancelledAndItsConnectionEnds() {
    ManagedChannel channel = sidecar.channel();
    TaskId bound = UnixFixture.opened(channel, "k");
    var _ =
        UnixFixture.tasks(channel)
            .open(UnixFixture.open("k2").setBinding(Binding.BINDING_IDENTITY).build());
    assertThat(broker.connections.open()).hasSize(1);

    instances.watchers.values().forEach(then -> then.accept("exited"));

    await().untilAsserted(() -> assertThat(broker.connections.open()).isEmpty());
    assertThat(broker.flow.calls)
        .filteredOn(call -> call.startsWith("end"))
        .containsExactly("end AGENT_GONE " + bound);
  }

  @Test
  void allTasksOfAProcessThatIsGoneAreCancelledAtOnceHoweverSlowTheirTargetsAre() {
    ManagedChannel channel = sidecar.channel();
    List<String> bound =
        IntStream.range(0, 150).mapToObj(i -> "" + UnixFixture.opened(channel, "k" + i)).toList();
    // The broker waits for a proof that does not come, and says so shortly before the deadline.
    CountDownLatch proof = new CountDownLatch(1);
    broker.flow.meanwhile = call -> waitFor(proof, call, "end", Duration.ofMillis(850));

    instances.watchers.values().forEach(then -> then.accept("exited"));

    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() ->
            assertThat(broker.flow.calls)
                .containsAll(bound.stream().map(task -> "end AGENT_GONE " + task).toList()));
    await().untilAsserted(() -> assertThat(broker.connections.open()).isEmpty());
  }

  @Test
  void aSidecarThatStopsEndsTheTasksOfItsProcessesAtOnce() {
    ManagedChannel channel = sidecar.channel();
    TaskId one = UnixFixture.opened(channel, "k");
    var _ =
        UnixFixture.tasks(channel)
            .open(UnixFixture.open("k2").setBinding(Binding.BINDING_IDENTITY).build());
    instances.instance = "process two";
    TaskId two = UnixFixture.opened(channel, "k");

    relay.close();

    assertThat(broker.flow.calls)
        .filteredOn(call -> call.startsWith("end"))
        .containsExactlyInAnyOrder("end AGENT_GONE " + one, "end AGENT_GONE " + two);
    await().untilAsserted(() -> assertThat(broker.connections.open()).isEmpty());
  }

  private static void waitFor(CountDownLatch latch, String call, String kind, Duration most) {
    if (call.startsWith(kind)) {
      var _ = Uninterruptibles.awaitUninterruptibly(latch, most);
    }
  }

  @Test
  void aTaskThatIsOpenedWhileItsProcessGoesIsCancelled() {
    ManagedChannel channel = sidecar.channel();
    var _ = UnixFixture.opened(channel, "k");
    CountDownLatch decided = new CountDownLatch(1);
    broker.flow.meanwhile = call -> waitFor(decided, call, "open", Duration.ofSeconds(20));
    var late = TasksGrpc.newFutureStub(channel).open(UnixFixture.open("late").build());
    await()
        .until(
            () -> broker.flow.calls.stream().filter(call -> call.startsWith("open")).count() == 2);

    assertThat(late.cancel(true)).isTrue();
    instances.watchers.values().forEach(then -> then.accept("exited"));
    await()
        .until(
            () -> broker.flow.calls.stream().filter(call -> call.startsWith("end")).count() == 1);
    decided.countDown();

    await()
        .until(
            () -> broker.flow.calls.stream().filter(call -> call.startsWith("end")).count() == 2);
    await().untilAsserted(() -> assertThat(broker.connections.open()).isEmpty());
  }

  @Test
  void aTaskThatMustEndWithItsProcessIsNotForgottenForNewerOnes() {
    Handles handles = new Handles();
    TaskId old = TaskId.random();
    handles.opened(
        Task.newBuilder()
            .setId(old.value())
            .setBinding(Binding.BINDING_PROCESS)
            .setDeadline(Timestamp.newBuilder().setSeconds(60))
            .build());
    TaskId shared = TaskId.random();
    handles.shares(shared);

    IntStream.range(0, Handles.REMEMBERED).forEach(i -> handles.shares(TaskId.random()));

    assertThat(handles.holds(shared)).isFalse();
    assertThat(handles.takeBound()).containsExactly(old);
    assertThat(handles.takeBound()).isEmpty();
  }

  @Test
  void aBrokerThatIsAwayIsSaidWithATimeToWaitAndFoundAgain() throws Exception {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    int port = door.port();
    door.close();

    StatusRuntimeException refused = refused(() -> UnixFixture.tasks(channel).get(get(task)));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("dependency")).isEqualTo("BROKER");
    assertThat(
            java.util.Objects.requireNonNull(io.grpc.protobuf.StatusProto.fromThrowable(refused))
                .getDetailsList())
        .anyMatch(detail -> detail.is(com.google.rpc.RetryInfo.class));
    broker.open(Limits.DEFAULT, Duration.ofMinutes(10), port);
    await()
        .atMost(Duration.ofSeconds(10))
        .ignoreExceptions()
        .untilAsserted(() ->
            assertThat(UnixFixture.tasks(channel).get(get(task)).getId()).isEqualTo(task.value()));
  }

  @Test
  void aServerThatIsNotTheConfiguredBrokerGetsNoCall() throws Exception {
    broker.identity.rotate(broker.authority.issue("spiffe://example.org/broker/other"));

    StatusRuntimeException refused = refused(() -> UnixFixture.opened(sidecar.channel(), "k"));

    assertThat(UnixFixture.info(refused).getMetadataOrThrow("dependency")).isEqualTo("BROKER");
    assertThat(broker.flow.calls).isEmpty();
  }

  @Test
  void rotationOfTheAgentsSvidUnderLoadLosesNoCall() throws Exception {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    AtomicBoolean stop = new AtomicBoolean();
    List<Throwable> lost = new CopyOnWriteArrayList<>();
    List<Thread> load =
        IntStream.range(0, 4)
            .mapToObj(i ->
                Thread.startVirtualThread(() -> {
                  while (!stop.get()) {
                    try {
                      var _ = UnixFixture.tasks(channel).get(get(task));
                    } catch (RuntimeException e) {
                      lost.add(e);
                    }
                  }
                }))
            .toList();
    // However slow the machine: each certificate serves calls before the next one comes.
    for (int rotation = 0; rotation < 15; rotation++) {
      Svid next = broker.authority.issue(TlsFixture.AGENT);
      instances.svid = next;
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() ->
              broker.flow.peers.stream()
                  .anyMatch(peer -> ((Peer.Tls) peer).chain().getFirst().equals(next.leaf())));
    }
    stop.set(true);
    for (Thread thread : load) {
      thread.join();
    }

    assertThat(lost).isEmpty();
    await().untilAsserted(() -> assertThat(broker.connections.open()).hasSize(1));
  }
}
